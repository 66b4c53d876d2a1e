"""What the command line says of parsers and splitting: from flags, --set and --config to the options; what cannot be is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.cli.options import checked_options, induction_options
from graph_schema.errors import BadInput
from graph_schema.options import DetectorParserOptions, InductionOptions, OpenCVParserOptions, PromptedParserOptions, RunOptions


def options(parser: str | None = None, **given: object) -> InductionOptions:
    result = checked_options(InductionOptions, induction_options(parser, **given))  # type: ignore[arg-type]
    assert isinstance(result, InductionOptions)
    return result


def test_without_anything_the_parser_needs_no_weights_and_splits_densely() -> None:
    plain = options()
    assert plain.parser == OpenCVParserOptions()
    assert (plain.split.max_keyframes, plain.split.max_keyframes_per_clip, plain.split.min_keyframes_per_clip) == (64, None, 2)


def test_flags_name_the_parser_and_its_model() -> None:
    assert options("detector", detector="x.cfg", words="cup, person").parser == DetectorParserOptions(
        detector="x.cfg", words=("cup", "person")
    )
    assert options("prompted", model="qwen", boxes="x.cfg").parser == PromptedParserOptions(model="qwen", boxes_from="x.cfg")
    prompted = options("prompted", model="qwen", backend="openai")
    assert prompted.parser == PromptedParserOptions(model="qwen", backend="openai")
    assert (prompted.split.max_keyframes, prompted.split.max_keyframes_per_clip, prompted.split.min_keyframes_per_clip) == (24, 4, 1)


def test_any_option_can_be_set_and_goes_before_the_file_as_flags_do(tmp_path: Path) -> None:
    config = tmp_path / "run.toml"
    config.write_text('[parser]\nkind = "prompted"\nmodel = "small"\nsamples = 3\n[split]\nmax_keyframes = 8\nclips = "uniform"\n')
    from_file = options(config=config)
    assert from_file.parser == PromptedParserOptions(model="small", samples=3)
    assert (from_file.split.max_keyframes, from_file.split.max_keyframes_per_clip, from_file.split.clips) == (8, 4, "uniform")
    beside = options(config=config, model="large", settings=["parser.samples=1", "split.keyframes=even", "parser.temperature=0.2"])
    assert beside.parser == PromptedParserOptions(model="large", samples=1, temperature=0.2)
    assert (beside.split.keyframes, beside.split.clips) == ("even", "uniform")


def test_a_bound_that_is_taken_away_stays_away_when_a_job_reads_its_options_again() -> None:
    free = options("prompted", model="m", settings=["split.max_keyframes_per_clip=null", "split.min_keyframes_per_clip=2"])
    assert InductionOptions.model_validate_json(free.model_dump_json()) == free
    assert (free.split.max_keyframes_per_clip, free.split.min_keyframes_per_clip) == (None, 2)
    run = checked_options(RunOptions, induction_options("prompted", model="m", settings=["split.max_keyframes_per_clip=null"]))
    assert RunOptions.model_validate_json(run.model_dump_json()) == run


def test_graphs_of_a_plain_split_keep_the_configuration_they_had_before_these_options_were_there() -> None:
    assert set(options().split.identity()) == {
        "min_shot_seconds", "cut_ratio", "cut_min_change", "seconds_per_keyframe", "max_keyframes", "max_gap_seconds", "analysis_px",
        "analysis_fps", "analysis_bytes", "keyframe_px", "jpeg_quality",
    }  # fmt: skip
    assert options(settings=["split.keyframes=even"]).split.identity()["keyframes"] == "even"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"parser": "hog"}, "no parser 'hog'; this version has: opencv, detector, prompted; no plugin 'hog'"),
        ({"parser": "opencv", "detector": "x.cfg"}, "--detector is of --parser detector; this run has --parser opencv"),
        ({"model": "qwen"}, "--model is of --parser prompted; this run has --parser opencv"),
        ({"parser": "opencv", "boxes": "x.cfg"}, "--boxes is of --parser prompted; this run has --parser opencv"),
        ({"parser": "detector"}, "--parser detector needs --detector"),
        ({"parser": "prompted"}, "--parser prompted needs --model"),
        ({"parser": "prompted", "model": "m", "backend": "ollama"}, "backend: Input should be 'transformers', 'openai' or 'plugin'"),
        ({"settings": ["samples=3"]}, "--set 'samples=3' is not of the form parser.NAME=VALUE or split.NAME=VALUE"),
        ({"settings": ["split.max_keyframe=3"]}, "split.max_keyframe: Extra inputs are not permitted; there are: split.min_shot_seconds, "),
        ({"settings": ["split.max_keyframes=0"]}, "split.max_keyframes: Input should be greater than or equal to 1"),
        ({"config": Path("absent.toml")}, "--config absent.toml cannot be read: .*No such file"),
    ],
)
def test_what_cannot_be_is_refused_by_name(given: dict[str, object], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        options(**given)  # type: ignore[arg-type]
