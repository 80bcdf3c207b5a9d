"""One verb a file: each stage turns rows into rows and knows neither the engine nor its neighbours."""
