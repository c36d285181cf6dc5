"""The stages of the pipeline, from a frame's maps to skeletons; each is a section of `config.PipelineConfig`."""
