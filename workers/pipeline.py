"""The walk of one video: media → parser → induction → one graph in the store; and of graphs to questions. Used by the CLI and by jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from pydantic import JsonValue

from graph_schema.errors import BadInput, ModelRefused
from graph_schema.identifiers import content_hash, file_sha256
from graph_schema.models import QRA, STSG, FrameSceneGraph, StageAccount, VideoRef
from graph_schema.options import InductionOptions, SamplingOptions, SplitOptions
from graph_schema.progress import Progress
from graph_schema.record import JsonObject
from graph_schema.settings import Settings
from graph_schema.store import GraphStore
from graph_schema.vocabulary import plural
from workers.accounts import Accounts, VideoAccount, VideoSize, added, as_kept, since, size_of
from workers.induction import INDUCTION_VERSION, Induction, assemble, bridge_clips, merge_clip, unify_labels
from workers.media import MEDIA_VERSION, ClipFrames, SplitClip, SplitVideo, as_text, open_split, split_video
from workers.parsers import ClipToParse, InducingParser, SceneParser, open_parser
from workers.questions import QUESTIONS_VERSION, build_questions, draw_steps, keep_unique, select, shortfalls
from workers.step_cache import StepCache

DEFAULTS = InductionOptions()
DRAWS_PER_SAMPLE = 8
"""Paths drawn for each wanted question: most fall to the uniqueness check on small graphs."""
MIN_DRAWS, MAX_DRAWS = 120, 2000
"""Paths drawn from a graph in one round."""
EARLY_STOP_DRAWS = 480
"""A graph of which so many paths gave no new question is not asked again."""


def induce_video(
    path: Path,
    *,
    settings: Settings,
    store: GraphStore,
    options: InductionOptions = DEFAULTS,
    name: str | None = None,
    progress: Progress | None = None,
    counted: bool = False,
) -> STSG:
    """Return the graph of a video, written to the store in one transaction; steps done before are taken from the data directory.

    Args: progress: is told of each step, asked whether to go on, and takes the seconds of: split, parse, merge, write.
        counted: as of `induce`.
    Raises: VideoUnreadable with the reason; OutOfSpace; EngineUnavailable; ModelUnavailable and ModelRefused, after which the calls that
        are done are kept; Interrupted when `progress` says so.
    """
    progress = progress or Progress()
    parser = open_parser(options.parser, settings, progress)
    graph = induce(path, data=settings.data, parser=parser, split_options=options.split, name=name, progress=progress, counted=counted)
    progress.report(0.95, "writing the graph")
    with progress.timed("write"):
        store.graphs.write(graph)
    progress.report(1.0, f"{plural(len({o.entity_id for o in graph.objects}), 'thing')}, {plural(len(graph.clips), 'shot')}")
    return graph


def induce(
    path: Path,
    *,
    data: Path,
    parser: SceneParser,
    split_options: SplitOptions = DEFAULTS.split,
    name: str | None = None,
    progress: Progress | None = None,
    counted: bool = False,
) -> STSG:
    """Return the graph of a video, without a store. Splitting and the parse of each clip are kept under their content address in `data`.

    Args:
        name: what to call the video; None: like its file.
        progress: as of `induce_video`.
        counted: `progress` has the model calls of this video's clips already, those of clips that are kept too.
    """
    progress = progress or Progress()
    cache = StepCache(data)
    sha256 = file_sha256(path) if path.is_file() else ""  # media refuses whatever is not a file, with the reason
    parser_is = identity_of(parser)
    with ExitStack() as opened:
        frames: tuple[ClipFrames, ...] = ()

        def split_again() -> SplitVideo:
            nonlocal frames
            split, frames = opened.enter_context(open_split(path, data=data, config=split_options))
            return split

        def frames_of(index: int) -> ClipFrames:
            if not frames:  # the split came from the cache
                split_again()
            return frames[index]

        progress.report(0.0, "splitting")
        split_of = _split_key(sha256, split_options)
        with progress.timed("split"):
            split = _kept_split(cache, sha256, split_options, split_again, data)
        parsed, calls = _parse_clips(
            split.clips,
            len(split.clips),
            parser,
            cache,
            data=data,
            split_of=split_of,
            frames_of=frames_of,
            progress=progress,
            counted=counted,
        )
        before = dict(progress.calls)
    _refuse_unreadable(parsed, parser.name)
    progress.report(0.9, "merging and bridging")
    with progress.timed("merge"):
        # the same bytes may have been split under another name before
        video = split.video.model_copy(update={"name": name or as_text(path.name), "uri": path.absolute().as_uri()})
        how = parser.induction(split.clips, data) if isinstance(parser, InducingParser) else Induction()
        graph = _induced(split.model_copy(update={"video": video}), parsed, how, parser_is, split_options)
    if calls is not None:
        _keep_account(Accounts(data, parser_is), split, added([calls, since(before, progress.calls)]))
    return graph


def _parse_clips(
    clips: Sequence[SplitClip],
    count: int,
    parser: SceneParser,
    cache: StepCache,
    *,
    data: Path,
    split_of: Sequence[JsonValue],
    frames_of: Callable[[int], ClipFrames],
    progress: Progress,
    counted: bool = False,
) -> tuple[list[tuple[FrameSceneGraph, ...]], dict[str, StageAccount] | None]:
    """Return what the parser says of each clip, and what its model calls came to, whenever they were made; None where that is not known.

    The calls of clips that are kept from before are added to those of `progress`, as kept, unless it has them.
    Args: count: of the video's clips.
    """
    parsed: list[tuple[FrameSceneGraph, ...]] = []
    parser_is = identity_of(parser)
    accounts, now_made = Accounts(data, parser_is), dict[int, dict[str, StageAccount]]()

    def parse(clip: SplitClip) -> tuple[FrameSceneGraph, ...]:
        before = dict(progress.calls)
        images = tuple(data / keyframe.image for keyframe in clip.keyframes)
        said = parser.parse(ClipToParse(clip, images, partial(frames_of, clip.index)))
        now_made[clip.index] = since(before, progress.calls)
        accounts.keep_clip([*split_of, clip.index], now_made[clip.index])
        return said

    all_calls: list[dict[str, StageAccount] | None] = []
    for clip in clips:
        progress.checkpoint(f"stopped before shot {clip.index + 1} of {count}; what is done is kept")
        progress.report(0.2 + 0.7 * clip.index / count, f"parsing shot {clip.index + 1} of {count}")
        clip_is = [*split_of, clip.index]
        with progress.timed("parse"):
            parsed.append(
                cache.get_or_compute("parse", parser.version, clip_is, parser_is, tuple[FrameSceneGraph, ...], partial(parse, clip))
            )
        if clip.index in now_made:
            all_calls.append(now_made[clip.index])
        else:
            all_calls.append(calls := accounts.of_clip(clip_is))
            if calls and not counted:
                progress.calls.update(added([progress.calls, as_kept(calls)]))
    known = [calls for calls in all_calls if calls is not None]
    return parsed, added(known) if len(known) == len(clips) else None


def identity_of(parser: SceneParser) -> JsonObject:
    """What decides a parser's results beside what it looks at."""
    return {"name": parser.name, "version": parser.version, "configuration": parser.configuration}


def size_of_video(path: Path, data: Path, options: SplitOptions) -> tuple[str, VideoSize]:
    """The SHA-256 of a video and what its model calls will grow with; its split is kept, so that this is not lost work.

    Raises: VideoUnreadable, OutOfSpace.
    """
    sha256 = file_sha256(path) if path.is_file() else ""
    return sha256, size_of(_split_of(path, sha256, data, options))


def kept_calls(sha256: str, clips: int, accounts: Accounts, options: SplitOptions) -> dict[str, StageAccount]:
    """What the model calls of those clips of a video came to that are parsed already."""
    parts = (accounts.of_clip([*_split_key(sha256, options), clip]) for clip in range(clips))
    return added(calls for calls in parts if calls is not None)


def parse_clip(path: Path, clip: int, *, data: Path, parser: SceneParser, split_options: SplitOptions, progress: Progress) -> None:
    """Parse one clip of a video, by a parser that looks at keyframes alone, and keep the result.

    Raises: as `induce`; BadInput for a clip that the video does not have.
    """
    sha256 = file_sha256(path)
    split = _split_of(path, sha256, data, split_options)
    if clip >= len(split.clips):
        raise BadInput(f"video {path.name} has {plural(len(split.clips), 'shot')} and no shot {clip + 1}")

    def no_frames(_: int) -> ClipFrames:
        raise AssertionError("a parser that looks at keyframes alone asked for what is between them")

    split_of = _split_key(sha256, split_options)
    one, count = [split.clips[clip]], len(split.clips)
    _parse_clips(one, count, parser, StepCache(data), data=data, split_of=split_of, frames_of=no_frames, progress=progress)


def _split_key(sha256: str, options: SplitOptions) -> list[JsonValue]:
    """What a split is, as JSON; with an index behind it, one of its clips."""
    return [sha256, MEDIA_VERSION, options.identity()]


def _split_of(path: Path, sha256: str, data: Path, options: SplitOptions) -> SplitVideo:
    return _kept_split(StepCache(data), sha256, options, lambda: split_video(path, data=data, config=options), data)


def _keep_account(accounts: Accounts, split: SplitVideo, calls: dict[str, StageAccount]) -> None:
    """Keep what the model calls of a video came to, unless that is kept from when they were made."""
    if any(account.calls for account in calls.values()) and not accounts.has(split.video.sha256):
        accounts.keep(split.video.sha256, VideoAccount(**size_of(split).model_dump(), calls=calls))


def _kept_split(cache: StepCache, sha256: str, options: SplitOptions, split_again: Callable[[], SplitVideo], data: Path) -> SplitVideo:
    split = cache.get_or_compute("split", MEDIA_VERSION, sha256, options.identity(), SplitVideo, split_again)
    if all((data / keyframe.image).exists() for clip in split.clips for keyframe in clip.keyframes):
        return split
    return split_again()  # somebody cleared the pictures; the split itself comes out the same


def _induced(
    split: SplitVideo, parsed: Sequence[tuple[FrameSceneGraph, ...]], how: Induction, parser_is: JsonObject, split_options: SplitOptions
) -> STSG:
    """Merge the parsed clips of a split and join them."""
    size = (split.video.width, split.video.height)
    configuration: JsonObject = {
        "split": split_options.identity(),
        "parser": parser_is,
        "versions": {"media": MEDIA_VERSION, "induction": INDUCTION_VERSION},
    }
    unified = unify_labels(parsed, how.similar)
    merged = [
        merge_clip(seen, start_seconds=clip.start_seconds, end_seconds=clip.end_seconds, frame_size=size, how=how)
        for clip, seen in zip(split.clips, unified, strict=True)
    ]
    entities = bridge_clips(merged, how)
    return assemble(split, merged, entities, producer=str(parser_is["name"]), configuration=configuration, how=how)


def _refuse_unreadable(parsed: Sequence[tuple[FrameSceneGraph, ...]], name: str) -> None:
    """Raises ModelRefused where nothing that the model said of any keyframe could be read: that would be a silent empty graph."""
    frames = [frame for clip in parsed for frame in clip]
    rejections = [r for frame in frames for r in frame.rejections if r.stage in ("objects", "whole")]
    if rejections and not any(frame.objects for frame in frames) and {f.frame for f in frames if f.rejections} == {f.frame for f in frames}:
        raise ModelRefused(
            f"of what {name} said about {plural(len(frames), 'keyframe')} nothing could be read "
            f"({rejections[0].reason}; call {rejections[0].call_id} in the data folder has the words); "
            "choose another model or other prompts"
        )


def sample_questions(
    store: GraphStore,
    graph_ids: Sequence[str],
    options: SamplingOptions,
    *,
    set_id: str | None = None,
    progress: Progress | None = None,
) -> tuple[list[QRA], str]:
    """Sample a QRA set from graphs in the store, keep it there, and return it with its id.

    Paths are drawn in rounds, each graph in turn, until the set has what was asked, or no graph gives a question it has not given
    before, or each gave `DRAWS_PER_SAMPLE` paths for each question of the set. Each graph gets an equal share of `samples`, and what
    one cannot give falls to the others as far as they can. Every program was executed and returned exactly its answer. The id is a
    hash of what the set is made from, unless one is given.
    Raises: NotFound for a graph the store lacks; Interrupted when `progress`, asked before each graph, says so.
    """
    progress = progress or Progress()
    graph_ids, samples, step_mix, seed = sorted(set(graph_ids)), options.samples, options.step_mix, options.seed
    configuration: JsonObject = {"samples": samples, "step_mix": list(step_mix), "seed": seed, "version": QUESTIONS_VERSION}
    set_id = set_id or f"s{content_hash(graph_ids, configuration)}"
    most = max(DRAWS_PER_SAMPLE * samples, EARLY_STOP_DRAWS)
    round_draws = min(most, max(MIN_DRAWS, DRAWS_PER_SAMPLE * samples // max(1, len(graph_ids))), MAX_DRAWS)
    sampled: dict[str, dict[str, QRA]] = {graph_id: {} for graph_id in graph_ids}  # by text, those that are not unique too
    draws_without_new = dict.fromkeys(graph_ids, 0)
    chosen: list[QRA] = []
    for first in range(0, most, round_draws):
        draws = min(round_draws, most - first)
        steps = draw_steps(draws, step_mix, seed, first)
        active_graphs = [graph_id for graph_id, fruitless in draws_without_new.items() if fruitless < EARLY_STOP_DRAWS]
        for done, graph_id in enumerate(active_graphs):
            progress.checkpoint(f"stopped before graph {done + 1} of {len(active_graphs)}; no questions are kept")
            progress.report((first + draws * done / len(active_graphs)) / most, f"sampling graph {done + 1} of {len(active_graphs)}")
            graph = store.graphs.read(graph_id)
            paths = store.graphs.sample_paths(graph_id, steps=steps, seed=seed, first=first)
            new = [q for q in build_questions(graph, paths, set_id=set_id, seed=seed) if q.question not in sampled[graph_id]]
            kept = keep_unique(new, store.programs.run([q.program for q in new]))
            sampled[graph_id] |= {q.question: q for q in [*new, *kept]}
            draws_without_new[graph_id] = 0 if new else draws_without_new[graph_id] + draws
        chosen = select([q for by_text in sampled.values() for q in by_text.values() if q.checks.unique], samples, step_mix)
        if not active_graphs or not shortfalls(chosen, samples, step_mix):
            break
    store.qra_sets.write(set_id, chosen, graph_ids=graph_ids, configuration=configuration)
    progress.report(1.0, plural(len(chosen), "question"))
    return chosen, set_id


def named_as_here(questions: Sequence[QRA], graphs: Sequence[STSG]) -> list[QRA]:
    """The questions with their videos' names and places of this run: the store has those of whoever wrote last."""
    videos = {g.id: VideoRef(id=g.video.id, uri=g.video.uri, sha256=g.video.sha256) for g in graphs}
    return [q.model_copy(update={"video": videos[q.graph_id]}) for q in questions]
