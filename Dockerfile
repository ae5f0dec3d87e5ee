# The exporter from its hashed lock, on a base that has no shell and no package manager. Both bases need the same Python.
FROM python:3.13-slim-trixie AS build
WORKDIR /build
COPY requirements.lock ./
RUN python3 -m pip --disable-pip-version-check --no-cache-dir install --root-user-action ignore --no-compile \
        --only-binary :all: --require-hashes --requirement requirements.lock --target /app \
    && rm -r /app/bin
COPY exporter /app/exporter
# Compiled here, because there the file system is read-only, and by hash, because times do not survive every builder.
RUN python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash /app \
    && mkdir /data

FROM gcr.io/distroless/python3-debian13:nonroot
ARG VERSION=""
ARG REVISION=""
LABEL org.opencontainers.image.title="braze-exporter" \
      org.opencontainers.image.description="Prometheus exporter for Braze: segment sizes, app sessions, users and events" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# What lies in the working directory is never imported.
ENV PYTHONPATH=/app PYTHONSAFEPATH=1 PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 SOURCE_REVISION=${REVISION}
COPY --from=build /app /app
# The one folder its user may write to, if a volume is mounted there: for `once --textfile` and `backfill --output`.
COPY --from=build --chown=10001:10001 /data /data
WORKDIR /data
USER 10001:10001
EXPOSE 10068
# It finds the exporter by the environment (BRAZE_EXPORTER_CONFIG__FILE, BRAZE_EXPORTER_WEB__LISTEN_ADDRESS), not by flags.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["python3", "-m", "exporter", "healthcheck"]
ENTRYPOINT ["python3", "-m", "exporter"]
