"""QRA records into samples, and samples into tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image, ImageColor
from transformers import AutoProcessor, CLIPImageProcessor, LlavaProcessor

from graph_schema.errors import BadInput
from graph_schema.models import STSG
from tests.support.tiny_models import BUILDERS, build_smolvlm
from tests.support.trainer_examples import COLOURS, GRAPH_ID, graph, keyframe, question, step, write_set
from trainer.encoding import (
    SampleEncoder,
    messages,
    picture_parts,
    read_frames,
    takes_video,
    video_metadata,
)
from trainer.samples import (
    ANSWER_INSTRUCTION,
    RATIONALE_INSTRUCTION,
    Frame,
    Sample,
    choose_keyframes,
    conversations_of,
    evenly_spread,
    rationale_text,
    read_samples,
)
from trainer.tiny import build_tiny_model

PIXELS = 448 * 448


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    texts = [t for i in range(4) for t in (question(i).question, rationale_text(question(i)))]
    return build_tiny_model(tmp_path_factory.mktemp("tiny"), texts=[ANSWER_INSTRUCTION, RATIONALE_INSTRUCTION, *texts], seed=1)


@pytest.fixture
def processor(tiny: Path) -> Any:
    return AutoProcessor.from_pretrained(tiny)


def of_all_keyframes(root: Path) -> Sample:
    """A question about the whole video, with all four keyframes."""
    (sample,) = read_samples(
        write_set(root, questions=[question(3, time_range_seconds=None)]), root, max_frames=4, evidence_only=True
    )  # fmt: skip
    return sample


def chosen(found: list[Any]) -> list[str]:
    return [k.id for k in found]


class TestPictures:
    def test_cited_ones_come_first_then_others_over_the_question_s_time(self) -> None:
        asked = question(0, time_range_seconds=(0.0, 4.0), rationale=(step(1, "?", "a", (2,)),))
        assert chosen(choose_keyframes(asked, graph(), max_frames=1)) == ["k2"]
        # one more out of k0, k1, k3: the one in the middle; two more: the middles of their halves
        assert chosen(choose_keyframes(asked, graph(), max_frames=2)) == ["k1", "k2"]
        assert chosen(choose_keyframes(asked, graph(), max_frames=3)) == ["k0", "k2", "k3"]
        assert chosen(choose_keyframes(asked, graph(), max_frames=9)) == ["k0", "k1", "k2", "k3"]

    def test_none_from_outside_the_time_range_is_added(self) -> None:
        asked = question(0, time_range_seconds=(1.0, 2.5), rationale=(step(1, "?", "a", (1,)),))
        assert chosen(choose_keyframes(asked, graph(), max_frames=4)) == ["k1"]  # k2 is at 2.5 s, where [1, 2.5) ends

    def test_when_too_many_are_cited_the_steps_take_turns_the_answer_s_first(self) -> None:
        steps = (step(1, "?", "a", (0, 1), time_seconds=1.4), step(2, "?", "b", (2, 3), time_seconds=3.4))
        asked = question(0, time_range_seconds=None, rationale=steps)
        assert chosen(choose_keyframes(asked, graph(), max_frames=1)) == ["k3"]  # of the last step, nearest to 3.4 s
        assert chosen(choose_keyframes(asked, graph(), max_frames=2)) == ["k1", "k3"]
        assert chosen(choose_keyframes(asked, graph(), max_frames=3)) == ["k1", "k2", "k3"]

    def test_a_question_between_keyframes_gets_the_nearest(self) -> None:
        asked = question(0, time_range_seconds=(1.6, 2.2), rationale=(step(1, "?", "a", ()),))
        assert chosen(choose_keyframes(asked, graph(), max_frames=4)) == ["k1"]  # 1.9 s is 0.4 from k1, 0.6 from k2

    def test_a_graph_without_keyframes_cannot_be_looked_at(self) -> None:
        bare = STSG(id=GRAPH_ID, video=graph().video, producer="hand", clips=())
        with pytest.raises(BadInput, match="graph gtrain has no keyframes"):
            choose_keyframes(question(0), bare, max_frames=4)


class TestReading:
    def test_samples_keep_order_and_point_at_pictures(self, tmp_path: Path) -> None:
        samples = read_samples(write_set(tmp_path), tmp_path, max_frames=4, evidence_only=True)
        assert [s.conversations[0].turns[0].reply for s in samples] == list(COLOURS)
        assert [s.frames for s in samples] == [(Frame(tmp_path / keyframe(i).image, i + 0.5),) for i in range(4)]

    def test_a_line_separator_inside_a_question_is_no_new_line(self, tmp_path: Path) -> None:
        asked = question(0, question="What\u2028is\x85it?")
        (sample,) = read_samples(write_set(tmp_path, questions=[asked]), tmp_path, max_frames=4, evidence_only=True)
        assert sample.conversations == conversations_of(asked)

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("{", r"line 2: the line: Invalid JSON: .*; each line is one QRA record"),
            (question(0).model_dump_json().replace('"answer"', '"reply"'), r"line 2: answer: Field required"),
            (question(0).model_dump_json().replace('"steps":2', '"steps":3'), r"line 2: .*steps is 3, the rationale has 2"),
            (question(0, answer=" ").model_dump_json(), r"line 2: the answer is empty"),
            (
                question(0, rationale=(step(1, "?", "a", (7,)),)).model_dump_json(),
                r"line 2: .*keyframe k7, which graph gtrain lacks",
            ),
            (question(0, graph_id="gother").model_dump_json(), r"no graph .*gother\.json; keep graphs/ beside qra\.jsonl"),
        ],
    )
    def test_a_bad_line_is_named_with_what_is_wrong(self, tmp_path: Path, line: str, message: str) -> None:
        path = write_set(tmp_path, questions=[question(1)])
        path.write_text(path.read_text() + line + "\n")
        with pytest.raises(BadInput, match=message):
            read_samples(path, tmp_path, max_frames=4, evidence_only=True)

    def test_a_missing_picture_is_named(self, tmp_path: Path) -> None:
        path = write_set(tmp_path)
        (tmp_path / keyframe(2).image).unlink()
        with pytest.raises(BadInput, match=r"qra\.jsonl, line 3: no picture .*keyframes/vtrain/62\.jpg"):
            read_samples(path, tmp_path, max_frames=4, evidence_only=True)

    def test_a_broken_picture_is_named(self, tmp_path: Path, processor: Any) -> None:
        samples = read_samples(write_set(tmp_path), tmp_path, max_frames=4, evidence_only=True)
        (tmp_path / keyframe(0).image).write_bytes(b"no jpeg")
        with pytest.raises(BadInput, match=r"vtrain/12\.jpg is no picture that can be read"):
            [SampleEncoder(processor, frame_pixels=PIXELS)(sample) for sample in samples]

    def test_no_questions_and_no_file_are_said(self, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match="has no records; sample questions first"):
            read_samples(write_set(tmp_path, questions=[]), tmp_path, max_frames=4, evidence_only=True)
        with pytest.raises(BadInput, match=r"none\.jsonl cannot be read: .*No such file"):
            read_samples(tmp_path / "none.jsonl", tmp_path, max_frames=4, evidence_only=True)


class TestVideo:
    def test_frames_are_spread_evenly_over_the_question_s_time_and_no_more_than_there_are(self, tmp_path: Path) -> None:
        asked = [question(1), question(1, time_range_seconds=None), question(1, time_range_seconds=(1.0, 1.08))]
        samples = read_samples(write_set(tmp_path, questions=asked), tmp_path, max_frames=4)
        assert [[f.time_seconds for f in s.frames] for s in samples] == [
            [1.125, 1.375, 1.625, 1.875], [0.5, 1.5, 2.5, 3.5], pytest.approx([1.02, 1.06]),
        ]  # fmt: skip
        assert {s.video for s in samples} == {tmp_path / "train.mp4"}
        assert evenly_spread(0.0, 0.0, count=3, fps=25) == [0.0]

    def test_a_video_that_is_gone_is_named_with_its_line(self, tmp_path: Path) -> None:
        path = write_set(tmp_path)
        (tmp_path / "train.mp4").unlink()
        with pytest.raises(BadInput, match=r"qra\.jsonl, line 1: no video .*train\.mp4, where it was .* frames: evidence"):
            read_samples(path, tmp_path, max_frames=4)
        assert len(read_samples(path, tmp_path, max_frames=4, evidence_only=True)) == 4

    def test_a_video_goes_in_as_a_video_with_the_times_of_its_frames(self, tmp_path: Path, processor: Any) -> None:
        assert takes_video(processor)
        (sample,) = read_samples(write_set(tmp_path, questions=[question(1)]), tmp_path, max_frames=4)
        encoded = SampleEncoder(processor, frame_pixels=PIXELS)(sample)
        # frames of second 1 to 2, 4 a second: two patches of two frames, half a second each; 84 x 56 pixels are 6 tokens
        assert encoded.pictures["video_grid_thw"].tolist() == [[2, 4, 6]]
        assert encoded.pictures["second_per_grid_ts"].tolist() == pytest.approx([0.5])
        assert int((encoded.prefix == processor.tokenizer.convert_tokens_to_ids("<|video_pad|>")).sum()) == 12
        assert encoded.types is not None and int((encoded.types == 2).sum()) == 12
        told = video_metadata(sample)
        assert told.frames_indices == [28, 34, 41, 47] and told.timestamps == pytest.approx([1.12, 1.36, 1.64, 1.88])

    def test_what_is_seen_is_what_the_video_shows_then(self, tmp_path: Path) -> None:
        (sample,) = read_samples(write_set(tmp_path, questions=[question(1, time_range_seconds=None)]), tmp_path, max_frames=4)
        middles = [frame[48, 64].tolist() for frame in read_frames(sample.frames, sample.video, frame_pixels=PIXELS)]
        for seen, colour in zip(middles, COLOURS, strict=True):
            assert seen == pytest.approx(list(ImageColor.getrgb(colour)), abs=12)  # as H.264 keeps it
        (small, *_) = read_frames(sample.frames, sample.video, frame_pixels=40 * 30)
        assert small.shape == (30, 40, 3)

    def test_a_model_that_takes_no_video_gets_pictures_with_their_times(self, tmp_path: Path) -> None:
        (sample,) = read_samples(write_set(tmp_path, questions=[question(1)]), tmp_path, max_frames=2)
        folder = build_smolvlm(tmp_path / "model", [*sample.texts, "0.5 s"])
        processor = AutoProcessor.from_pretrained(folder)
        assert not takes_video(processor)
        encoded = SampleEncoder(processor, frame_pixels=PIXELS)(sample)
        assert encoded.pictures["pixel_values"].shape[:2] == (1, 2 * 5)  # each in four parts and as a whole
        text = processor.tokenizer.decode(encoded.prefix)
        assert text.index("1.2 s") < text.index("<image>") < text.index("1.8 s")

    def test_every_tested_processor_that_takes_video_says_its_frames(self, tmp_path: Path) -> None:
        (sample,) = read_samples(write_set(tmp_path, questions=[question(1)]), tmp_path, max_frames=4)
        for name, build in BUILDERS.items():
            processor = AutoProcessor.from_pretrained(build(tmp_path / name, sample.texts))
            assert takes_video(processor) == (name != "smolvlm"), name
            SampleEncoder(processor, frame_pixels=PIXELS)(sample)

    def test_a_damaged_video_is_bad_input(self, tmp_path: Path) -> None:
        (sample,) = read_samples(write_set(tmp_path, questions=[question(1)]), tmp_path, max_frames=4)
        (tmp_path / "train.mp4").write_bytes(b"no video")
        with pytest.raises(BadInput, match=r"train\.mp4"):
            read_frames(sample.frames, sample.video, frame_pixels=PIXELS)


class TestEncoding:
    def test_the_rationale_is_its_steps_and_then_the_answer(self) -> None:
        assert rationale_text(question(1)) == ("1. What is there in second 2? a square\n2. What colour is the square? green\nAnswer: green")

    def test_only_the_target_and_its_end_is_learned(self, tmp_path: Path, processor: Any) -> None:
        (sample,) = read_samples(write_set(tmp_path, questions=[question(1)]), tmp_path, max_frames=4, evidence_only=True)
        for branch, text in zip(
            SampleEncoder(processor, frame_pixels=PIXELS)(sample).branches, ("green", rationale_text(question(1))), strict=True
        ):
            learned = branch.tokens[branch.learned]
            assert processor.tokenizer.decode(learned, clean_up_tokenization_spaces=False) == f"{text}<|im_end|>"

    def test_what_stands_before_the_target_is_the_prompt_that_generating_gets(self, tmp_path: Path, processor: Any) -> None:
        asked = question(3, time_range_seconds=None)  # four pictures
        (sample,) = read_samples(write_set(tmp_path, questions=[asked]), tmp_path, max_frames=4, evidence_only=True)
        encoded = SampleEncoder(processor, frame_pixels=PIXELS)(sample)
        assert encoded.types is not None
        pictures = [Image.open(frame.path) for frame in sample.frames]
        for instruction, (_, tokens, learned) in zip((ANSWER_INSTRUCTION, RATIONALE_INSTRUCTION), encoded.branches, strict=True):
            asked_for = messages(f"{asked.question}\n{instruction}", picture_parts([0.5, 1.5, 2.5, 3.5]))
            text = processor.apply_chat_template(asked_for, add_generation_prompt=True, tokenize=False)
            prompt = processor(text=[text], images=pictures, return_tensors="pt")
            before = torch.cat([encoded.prefix, tokens[~learned]])
            assert torch.equal(before, prompt["input_ids"][0])
            assert torch.equal(encoded.types, prompt["mm_token_type_ids"][0, : len(encoded.prefix)])
            text = f"What colour is the square of second 4?\n{instruction}"
            assert processor.tokenizer.decode(before).endswith(
                f"3.5 s <|vision_start|>{4 * 6 // 4 * '<|image_pad|>'}<|vision_end|>{text}<|im_end|>\n<|im_start|>assistant\n"
            )

    def test_pictures_and_question_are_in_the_prefix_that_both_conversations_share(self, tmp_path: Path, processor: Any) -> None:
        (sample,) = read_samples(
            write_set(tmp_path, questions=[question(3, time_range_seconds=None)]), tmp_path, max_frames=4, evidence_only=True
        )
        encoded = SampleEncoder(processor, frame_pixels=PIXELS)(sample)
        # 128 x 96 becomes 84 x 56: 6 x 4 patches, 2 x 2 of which make one of 6 tokens
        assert encoded.pictures["image_grid_thw"].tolist() == [[1, 4, 6]] * 4
        assert encoded.pictures["pixel_values"].shape[0] == 4 * 24
        is_picture = encoded.prefix == processor.tokenizer.convert_tokens_to_ids("<|image_pad|>")
        assert int(is_picture.sum()) == 24
        assert processor.tokenizer.decode(encoded.prefix).endswith("<|vision_end|>What colour is the square of second 4?\n")
        starts = [processor.tokenizer.decode(branch.tokens[~branch.learned]) for branch in encoded.branches]
        assert [start.split("<|im_end|>")[0] for start in starts] == [ANSWER_INSTRUCTION, RATIONALE_INSTRUCTION]

    def test_a_processor_of_another_family_is_fed_its_own_way(self, tmp_path: Path, processor: Any) -> None:
        processor.tokenizer.add_special_tokens({"additional_special_tokens": ["<image>"]})
        llava = LlavaProcessor(
            image_processor=CLIPImageProcessor(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28}),
            tokenizer=processor.tokenizer,
            patch_size=14,
            vision_feature_select_strategy="default",
            num_additional_image_tokens=1,
            chat_template="{% for part in messages[0].content %}{{ part.text or '<image>' }}{% endfor %} ASSISTANT:",
        )
        (sample,) = read_samples(
            write_set(tmp_path, questions=[question(3, time_range_seconds=None)]), tmp_path, max_frames=4, evidence_only=True
        )
        encoded = SampleEncoder(llava, frame_pixels=PIXELS)(sample)
        assert encoded.types is None and encoded.pictures.keys() == {"pixel_values"}
        assert encoded.pictures["pixel_values"].shape == (4, 3, 28, 28)
        assert int((encoded.prefix == llava.tokenizer.convert_tokens_to_ids("<image>")).sum()) == 16  # 2 x 2 patches of 14 pixels each
        assert llava.tokenizer.decode(encoded.branches[0].tokens[encoded.branches[0].learned]) == "yellow<|im_end|>"
