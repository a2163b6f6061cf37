"""What moves a generation: one module a step, the only meeting of row and gateway."""
