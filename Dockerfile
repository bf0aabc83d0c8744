# syntax=docker/dockerfile:1
# The service, its workers and the watcher of topics: one image, three commands (see compose.yaml).
FROM python:3.12-slim AS build
WORKDIR /src
RUN python -m venv /opt/kintsu
COPY pyproject.toml README.md LICENSE ./
COPY src src
# the dashboard lies built in src: no Node is needed
RUN /opt/kintsu/bin/pip install --no-cache-dir '.[serve,postgres,redis,kafka,avro,duckdb,arrow]'

FROM python:3.12-slim
RUN groupadd --gid 10001 kintsu \
    && useradd --uid 10001 --gid kintsu --home-dir /var/lib/kintsu --no-create-home --shell /usr/sbin/nologin kintsu \
    && install -d -o kintsu -g kintsu -m 0700 /var/lib/kintsu \
    && install -d -o kintsu -g kintsu /data
COPY --from=build /opt/kintsu /opt/kintsu
ENV PATH=/opt/kintsu/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    KINTSU_HOME=/var/lib/kintsu \
    XDG_STATE_HOME=/var/lib/kintsu
USER 10001:10001
WORKDIR /data
VOLUME ["/var/lib/kintsu"]
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=3)"]
ENTRYPOINT ["kintsu"]
CMD ["serve", "--host", "0.0.0.0", "--sign-in"]
