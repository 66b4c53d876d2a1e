# Two images from one file: `base` serves the API and the CPU worker, `train` adds torch for the GPU worker.
# Build with `docker compose build`; plain `docker build` needs BuildKit (DOCKER_BUILDKIT=1).

FROM python:3.11-slim-bookworm AS tools
RUN python -m venv /opt/tools && /opt/tools/bin/pip install --no-cache-dir --disable-pip-version-check uv==0.13.*

FROM tools AS wheel
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY graph_schema graph_schema
COPY workers workers
COPY trainer trainer
COPY api api
RUN --mount=type=cache,target=/root/.cache/uv /opt/tools/bin/uv build --wheel --out-dir /wheel

FROM python:3.11-slim-bookworm AS dependencies
# what `import cv2` needs in a slim image
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 libxcb1 \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 10001 --create-home stepgraph && install -d -o stepgraph -g stepgraph /data
ENV PATH=/opt/stepgraph/bin:$PATH PYTHONUNBUFFERED=1 UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1
RUN python -m venv --without-pip /opt/stepgraph
COPY requirements/base.txt /opt/requirements/
RUN --mount=type=cache,target=/root/.cache/uv --mount=type=bind,from=tools,source=/opt/tools,target=/opt/tools \
    /opt/tools/bin/uv pip install --python /opt/stepgraph/bin/python --require-hashes -r /opt/requirements/base.txt

FROM dependencies AS base
RUN --mount=type=bind,from=tools,source=/opt/tools,target=/opt/tools --mount=type=bind,from=wheel,source=/wheel,target=/wheel \
    /opt/tools/bin/uv pip install --python /opt/stepgraph/bin/python --no-deps --no-cache /wheel/*.whl
USER stepgraph
VOLUME /data
ENTRYPOINT ["stepgraph"]
CMD ["api"]

FROM dependencies AS train
COPY requirements/train.txt /opt/requirements/
RUN --mount=type=cache,target=/root/.cache/uv --mount=type=bind,from=tools,source=/opt/tools,target=/opt/tools \
    /opt/tools/bin/uv pip install --python /opt/stepgraph/bin/python --require-hashes -r /opt/requirements/train.txt
RUN --mount=type=bind,from=tools,source=/opt/tools,target=/opt/tools --mount=type=bind,from=wheel,source=/wheel,target=/wheel \
    /opt/tools/bin/uv pip install --python /opt/stepgraph/bin/python --no-deps --no-cache /wheel/*.whl
USER stepgraph
VOLUME /data
ENTRYPOINT ["stepgraph"]
CMD ["worker", "--queue", "gpu"]
