"""`python -m grafana` writes the dashboards' files."""

from grafana import files

for path, text in files().items():
    path.write_text(text)
