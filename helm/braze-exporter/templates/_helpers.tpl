{{/* Names. */}}

{{- define "braze-exporter.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{- define "braze-exporter.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "braze-exporter.name" . -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{/* The name of an object beside the main one: (list $ "keys"). */}}
{{- define "braze-exporter.nameWith" -}}
{{- $suffix := index . 1 -}}
{{- printf "%s-%s" (include "braze-exporter.fullname" (first .) | trunc (sub 62 (len $suffix) | int) | trimSuffix "-") $suffix -}}
{{- end }}

{{- define "braze-exporter.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride -}}
{{- end }}

{{/* What runs the pods: a StatefulSet if they are shards. Not empty is true. */}}

{{- define "braze-exporter.sharded" -}}
{{- ternary "sharded" "" (gt (int .Values.shards) 1) -}}
{{- end }}

{{- define "braze-exporter.workloadKind" -}}
{{- ternary "StatefulSet" "Deployment" (ne (include "braze-exporter.sharded" .) "") -}}
{{- end }}

{{/* Kubernetes puts 11 characters behind a StatefulSet's name for the label controller-revision-hash, of at most 63. */}}
{{- define "braze-exporter.workloadName" -}}
{{- include "braze-exporter.fullname" . | trunc (ternary 52 63 (ne (include "braze-exporter.sharded" .) "")) | trimSuffix "-" -}}
{{- end }}

{{/* Where each exporter is reached within the cluster, as a list: the service, or the pod of each shard. */}}
{{- define "braze-exporter.addresses" -}}
{{- $namespace := include "braze-exporter.namespace" . -}}
{{- $addresses := list (printf "%s.%s.svc:%v" (include "braze-exporter.fullname" .) $namespace .Values.service.port) -}}
{{- if include "braze-exporter.sharded" . -}}
{{- $addresses = list -}}
{{- range $ordinal := until (int .Values.shards) -}}
{{- $host := printf "%s-%d.%s.%s.svc" (include "braze-exporter.workloadName" $) $ordinal (include "braze-exporter.nameWith" (list $ "shards")) $namespace -}}
{{- $addresses = append $addresses (printf "%s:%v" $host $.Values.containerPort) -}}
{{- end -}}
{{- end -}}
{{- toYaml $addresses -}}
{{- end }}

{{- define "braze-exporter.serviceAccountName" -}}
{{- default (ternary (include "braze-exporter.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name -}}
{{- end }}

{{/* Labels. What selects pods never changes, so it has neither version nor labels of the user. A name may look like a number. */}}

{{- define "braze-exporter.selectorLabels" -}}
app.kubernetes.io/name: {{ include "braze-exporter.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{/* Those of what must not be taken for the exporter or its service: (list $ "test"). */}}
{{- define "braze-exporter.labelsWith" -}}
{{- $suffix := index . 1 -}}
app.kubernetes.io/name: {{ printf "%s-%s" (include "braze-exporter.name" (first .) | trunc (sub 62 (len $suffix) | int) | trimSuffix "-") $suffix }}
app.kubernetes.io/instance: {{ (first .).Release.Name | quote }}
{{- end }}

{{- define "braze-exporter.chartLabels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | replace "+" "_" | trunc 63 | trimSuffix "-" | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: {{ include "braze-exporter.name" . | quote }}
{{- end }}

{{/*
The metadata of an object: (dict "root" $ "name" … "namespace" … "fixed" … "labels" … "annotations" …), all but the root
optional. What other objects select by, `fixed`, cannot be replaced; of other labels and annotations those of the object come first.
*/}}
{{- define "braze-exporter.metadata" -}}
{{- $root := .root -}}
{{- $fixed := default (include "braze-exporter.selectorLabels" $root | fromYaml) .fixed -}}
{{- $own := include "braze-exporter.chartLabels" $root | fromYaml -}}
{{- $labels := merge $fixed (default dict .labels) $root.Values.commonLabels $own -}}
{{- $annotations := merge (deepCopy (default dict .annotations)) $root.Values.commonAnnotations -}}
name: {{ default (include "braze-exporter.fullname" $root) .name | quote }}
namespace: {{ default (include "braze-exporter.namespace" $root) .namespace | quote }}
labels:
  {{- toYaml $labels | nindent 2 }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The image. */}}

{{- define "braze-exporter.image" -}}
{{- $image := .Values.image -}}
{{- $registry := default $image.registry .Values.global.imageRegistry -}}
{{- $repository := ternary (printf "%s/%s" $registry $image.repository) $image.repository (ne (default "" $registry) "") -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (default .Chart.AppVersion $image.tag) -}}
{{- end -}}
{{- end }}

{{- define "braze-exporter.imagePullSecrets" -}}
{{- $secrets := list -}}
{{- range concat .Values.imagePullSecrets .Values.global.imagePullSecrets -}}
{{- $secrets = append $secrets (ternary (dict "name" .) . (kindIs "string" .)) -}}
{{- end -}}
{{- with uniq $secrets -}}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end }}

{{/* Where things are in the container. */}}

{{- define "braze-exporter.folder" -}}
/etc/braze-exporter
{{- end }}

{{/* What the exporter polls. */}}

{{/* Its settings, with the files of the keys. */}}
{{- define "braze-exporter.settings" -}}
{{- $settings := deepCopy .Values.config -}}
{{- range $name, $workspace := $settings.workspaces -}}
{{- if and (not $workspace.api_key_file) (include "braze-exporter.keySource" (list $ $name)) -}}
{{- $_ := set $workspace "api_key_file" (printf "%s/keys/%s" (include "braze-exporter.folder" $) $name) -}}
{{- end -}}
{{- end -}}
{{- toYaml $settings -}}
{{- end }}

{{/* Where the key of a workspace is, as YAML with `name` and `key`; empty if the chart does not know: (list $ "production"). */}}
{{- define "braze-exporter.keySource" -}}
{{- $root := first . -}}
{{- $name := index . 1 -}}
{{- $entry := default dict (get $root.Values.apiKeys $name) -}}
{{- if $entry.existingSecret -}}
{{- dict "name" $entry.existingSecret "key" (default "api-key" $entry.existingSecretKey) | toYaml -}}
{{- else if $entry.value -}}
{{- dict "name" (include "braze-exporter.nameWith" (list $root "keys")) "key" $name | toYaml -}}
{{- else if $root.Values.existingSecret -}}
{{- dict "name" $root.Values.existingSecret "key" $name | toYaml -}}
{{- end -}}
{{- end }}

{{/* The keys of all workspaces as sources of one projected volume. */}}
{{- define "braze-exporter.keySources" -}}
{{- $sources := list -}}
{{- $workspaces := keys (default dict .Values.config.workspaces) -}}
{{- if .Values.existingConfigMap -}}
{{- $workspaces = keys .Values.apiKeys -}}
{{- with .Values.existingSecret -}}
{{- $sources = append $sources (dict "secret" (dict "name" .)) -}}
{{- end -}}
{{- end -}}
{{- range $workspace := sortAlpha $workspaces -}}
{{- if not (get (default dict (get (default dict $.Values.config.workspaces) $workspace)) "api_key_file") -}}
{{- with include "braze-exporter.keySource" (list $ $workspace) | fromYaml -}}
{{- $item := dict "key" .key "path" $workspace -}}
{{- $sources = append $sources (dict "secret" (dict "name" .name "items" (list $item))) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with $sources }}{{ toYaml . }}{{ end -}}
{{- end }}

{{/* How the exporter is reached. */}}

{{- define "braze-exporter.webConfig" -}}
{{- $web := deepCopy .Values.webConfig -}}
{{- if .Values.tls.existingSecret -}}
{{- $folder := printf "%s/tls" (include "braze-exporter.folder" .) -}}
{{- $files := dict "cert_file" (printf "%s/tls.crt" $folder) "key_file" (printf "%s/tls.key" $folder) -}}
{{- $_ := set $web "tls_server_config" (merge (default dict $web.tls_server_config) $files) -}}
{{- end -}}
{{- with $web }}{{ toYaml . }}{{ end -}}
{{- end }}

{{- define "braze-exporter.webConfigSecret" -}}
{{- if .Values.existingWebConfigSecret -}}
{{- .Values.existingWebConfigSecret -}}
{{- else if include "braze-exporter.webConfig" . -}}
{{- include "braze-exporter.nameWith" (list . "web") -}}
{{- end -}}
{{- end }}

{{- define "braze-exporter.scheme" -}}
{{- if or .Values.tls.enabled .Values.tls.existingSecret .Values.webConfig.tls_server_config }}https{{ else }}http{{ end -}}
{{- end }}

{{- define "braze-exporter.telemetryPath" -}}
{{- default "/metrics" (default dict .Values.config.web).telemetry_path -}}
{{- end }}

{{/* A probe over https where the exporter serves it: (list $ .Values.livenessProbe). */}}
{{- define "braze-exporter.probe" -}}
{{- $probe := deepCopy (index . 1) -}}
{{- if and $probe.httpGet (not $probe.httpGet.scheme) (eq (include "braze-exporter.scheme" (first .)) "https") -}}
{{- $_ := set $probe.httpGet "scheme" "HTTPS" -}}
{{- end -}}
{{- toYaml $probe -}}
{{- end }}

{{/* What ServiceMonitor and PodMonitor say of their one endpoint: (list $ .Values.serviceMonitor). */}}
{{- define "braze-exporter.endpoint" -}}
{{- $root := first . -}}
{{- $monitor := index . 1 -}}
port: http
path: {{ default (include "braze-exporter.telemetryPath" $root) $monitor.path }}
scheme: {{ default (include "braze-exporter.scheme" $root) $monitor.scheme }}
{{- include "braze-exporter.fields" (list $monitor "interval" "scrapeTimeout" "tlsConfig" "basicAuth" "authorization" "bearerTokenSecret" "proxyUrl" "honorLabels" "relabelings" "metricRelabelings") }}
{{- if kindIs "bool" $monitor.honorTimestamps }}
honorTimestamps: {{ $monitor.honorTimestamps }}
{{- end }}
{{- end }}

{{/* And of all of their targets. */}}
{{- define "braze-exporter.limits" -}}
{{- include "braze-exporter.fields" (list . "sampleLimit" "targetLimit" "labelLimit" "labelNameLengthLimit" "labelValueLengthLimit" "scrapeProtocols" "fallbackScrapeProtocol" "attachMetadata") }}
{{- end }}

{{/* Those of the named values that are set, each on a line of its own: (list values "name" …). */}}
{{- define "braze-exporter.fields" -}}
{{- $values := first . -}}
{{- range $field := rest . }}
{{- with get $values $field }}
{{ dict $field . | toYaml }}
{{- end }}
{{- end }}
{{- end }}
