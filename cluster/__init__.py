"""Where it runs: the engines. The only folder that imports ray."""
