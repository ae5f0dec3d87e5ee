{{/* What the schema cannot see. Each message says what is wrong and what to do. */}}
{{- define "braze-exporter.validate" -}}
{{- $environment := or .Values.extraEnv .Values.extraEnvFrom -}}
{{- $workspaces := default dict .Values.config.workspaces -}}
{{- if .Values.existingConfigMap -}}
{{- if .Values.config -}}
{{- fail "config and existingConfigMap are two ways to give the settings; keep one" -}}
{{- end -}}
{{- else -}}
{{- if not (or $workspaces $environment) -}}
{{- fail "nothing to poll: give config.workspaces, for example --set config.workspaces.production.endpoint=US-01" -}}
{{- end -}}
{{- range $name := keys .Values.apiKeys | sortAlpha -}}
{{- if not (hasKey $workspaces $name) -}}
{{- fail (printf "apiKeys.%s: config.workspaces has no such workspace" $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $name := keys $workspaces | sortAlpha -}}
{{- $workspace := get $workspaces $name -}}
{{- if $workspace.api_key -}}
{{- fail (printf "config.workspaces.%s.api_key: a ConfigMap is no place for a key; use existingSecret or apiKeys.%s" $name $name) -}}
{{- end -}}
{{- if not (or $workspace.api_key_file (include "braze-exporter.keySource" (list $ $name)) $environment) -}}
{{- fail (printf "config.workspaces.%s has no API key: give existingSecret (with a data key %q), apiKeys.%s.existingSecret or apiKeys.%s.value" $name $name $name $name) -}}
{{- end -}}
{{- end -}}
{{- $web := default dict .Values.config.web -}}
{{- if $web.listen_address -}}
{{- fail "config.web.listen_address: the chart sets it; use containerPort" -}}
{{- end -}}
{{- if $web.config_file -}}
{{- fail "config.web.config_file: the chart sets it; use webConfig or existingWebConfigSecret" -}}
{{- end -}}
{{- if and .Values.existingWebConfigSecret (or .Values.webConfig .Values.tls.existingSecret) -}}
{{- fail "existingWebConfigSecret is instead of webConfig and tls.existingSecret; keep one, and mount a certificate by extraSecretMounts" -}}
{{- end -}}
{{- if and .Values.tls.enabled (not (or .Values.existingWebConfigSecret .Values.tls.existingSecret .Values.webConfig.tls_server_config)) -}}
{{- fail "tls.enabled: no certificate; give tls.existingSecret, webConfig.tls_server_config or existingWebConfigSecret" -}}
{{- end -}}
{{- $shard := default "" .Values.config.shard -}}
{{- if include "braze-exporter.sharded" . -}}
{{- if $shard -}}
{{- fail (printf "config.shard is %s and shards is %v: two ways to divide the work; with shards the chart sets it, so leave config.shard out" $shard .Values.shards) -}}
{{- end -}}
{{- range .Values.extraEnv -}}
{{- if eq (default "" .name) "BRAZE_EXPORTER_SHARD" -}}
{{- fail "extraEnv: BRAZE_EXPORTER_SHARD: with shards the chart sets it; leave it out" -}}
{{- end -}}
{{- end -}}
{{- if gt (int .Values.replicaCount) 1 -}}
{{- fail (printf "replicaCount is %v and shards is %v: one pod a shard, and those are made anyway; to have everything twice, install the chart twice" .Values.replicaCount .Values.shards) -}}
{{- end -}}
{{- else if hasPrefix "auto/" $shard -}}
{{- fail (printf "config.shard: %s needs the number in the name of a StatefulSet's pod; set shards: %s instead" $shard (trimPrefix "auto/" $shard)) -}}
{{- end -}}
{{- if gt (len (compact (list (ternary "s" "" .Values.serviceMonitor.enabled) (ternary "p" "" .Values.podMonitor.enabled) (ternary "c" "" .Values.scrapeConfig.enabled)))) 1 -}}
{{- fail "serviceMonitor, podMonitor and scrapeConfig: each alone makes Prometheus scrape; enable one" -}}
{{- end -}}
{{- end }}
