"""Plans to files: workflows, compiled plans, matrices, pages. Pure up to the set of files."""
