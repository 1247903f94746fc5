"""How things look: themes, signs of states, cells of tables."""
