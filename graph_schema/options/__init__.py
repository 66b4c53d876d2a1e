"""Every choice a user can make of a run, a question set or a training run: declared once, with its default and its description.

The command line, the API's requests, jobs and records all take these; none declares a choice again.
"""

from graph_schema.options.constants import MAX_SEED, TINY, ModelPart
from graph_schema.options.exam import ExamOptions
from graph_schema.options.induction import SPLIT_DEFAULTS, InductionOptions, SplitOptions, option_names
from graph_schema.options.parsers import (
    FLAGS,
    PARSER_KINDS,
    DetectorParserOptions,
    OpenCVParserOptions,
    ParserOptions,
    PluginParserOptions,
    PromptedOptions,
    PromptedParserOptions,
    named_parser,
)
from graph_schema.options.run import RunOptions
from graph_schema.options.sampling import STEP_MIX, SamplingOptions, StepMix, checked_step_mix
from graph_schema.options.self_training import SelfTrainingOptions
from graph_schema.options.training import TrainingOptions

__all__ = [
    "FLAGS",
    "MAX_SEED",
    "PARSER_KINDS",
    "SPLIT_DEFAULTS",
    "STEP_MIX",
    "TINY",
    "DetectorParserOptions",
    "ExamOptions",
    "InductionOptions",
    "ModelPart",
    "OpenCVParserOptions",
    "ParserOptions",
    "PluginParserOptions",
    "PromptedOptions",
    "PromptedParserOptions",
    "RunOptions",
    "SamplingOptions",
    "SelfTrainingOptions",
    "SplitOptions",
    "StepMix",
    "TrainingOptions",
    "checked_step_mix",
    "named_parser",
    "option_names",
]
