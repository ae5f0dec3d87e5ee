# The exporter from its hashed lock, in an image without build tools.
ARG PYTHON=python:3.13-slim

FROM ${PYTHON} AS build
WORKDIR /src
RUN python3 -m venv /app
COPY requirements.lock ./
RUN /app/bin/pip --disable-pip-version-check --no-cache-dir install --require-hashes --requirement requirements.lock
COPY exporter ./exporter
RUN cp -r exporter "$(/app/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/" \
    && /app/bin/python -m compileall -q /app \
    && /app/bin/pip uninstall --yes --quiet pip

FROM ${PYTHON}
ARG REVISION=""
ENV PATH=/app/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 SOURCE_REVISION=${REVISION}
COPY --from=build /app /app
USER 10001:10001
EXPOSE 10068
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["python", "-m", "exporter", "healthcheck"]
ENTRYPOINT ["python", "-m", "exporter"]
