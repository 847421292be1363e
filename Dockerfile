# One image for every role; the command chooses. Runs as nobody in particular, writes only under /data and /tmp.
FROM python:3.13-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/returnline
WORKDIR /src
COPY requirements.run.lock ./
RUN /opt/returnline/bin/pip install --require-hashes --no-deps -r requirements.run.lock
COPY pyproject.toml README.md ./
COPY schemas schemas
COPY console console
COPY consumers consumers
COPY tasks tasks
COPY pipeline pipeline
COPY sandbox sandbox
RUN /opt/returnline/bin/pip install --no-deps --no-build-isolation --no-index .

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin returnline \
    && install -d -o returnline -g returnline /data
COPY --from=build /opt/returnline /opt/returnline
ENV PATH=/opt/returnline/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 RETURNLINE_DATA=/data
USER returnline
WORKDIR /data
VOLUME /data
EXPOSE 8480
CMD ["returnline", "up"]
