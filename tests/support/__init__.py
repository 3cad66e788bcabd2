"""What tests share: real servers, waiting, and a plain model of what the pipeline must do."""
