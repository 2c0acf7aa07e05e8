"""The only room that knows several stages: one function a stage run, the Predictor and the reports."""
