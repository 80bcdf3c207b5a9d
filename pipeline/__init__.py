"""What happens, in which order: phases, configurations, the command line, audit, reports."""
