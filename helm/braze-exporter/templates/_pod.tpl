{{/* The pod, as the Deployment and the StatefulSet make it. */}}
{{- define "braze-exporter.podTemplate" -}}
{{- $folder := include "braze-exporter.folder" . }}
{{- $keySources := include "braze-exporter.keySources" . }}
{{- $webConfigSecret := include "braze-exporter.webConfigSecret" . }}
{{- $podAnnotations := deepCopy .Values.podAnnotations }}
{{- if not .Values.existingConfigMap }}
{{- /* New settings, new pod. Keys of the API and the web configuration are read again by the exporter itself. */}}
{{- $_ := set $podAnnotations "checksum/config" (include "braze-exporter.settings" . | sha256sum) }}
{{- end -}}
metadata:
  labels:
    {{- $fixed := include "braze-exporter.selectorLabels" . | fromYaml }}
    {{- merge $fixed .Values.podLabels .Values.commonLabels (include "braze-exporter.chartLabels" . | fromYaml) | toYaml | nindent 4 }}
  {{- with merge $podAnnotations .Values.commonAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- with include "braze-exporter.imagePullSecrets" . }}
  {{- . | nindent 2 }}
  {{- end }}
  serviceAccountName: {{ include "braze-exporter.serviceAccountName" . | quote }}
  automountServiceAccountToken: {{ .Values.automountServiceAccountToken }}
  enableServiceLinks: {{ .Values.enableServiceLinks }}
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  securityContext:
    {{- toYaml .Values.podSecurityContext | nindent 4 }}
  {{- range $field := list "nodeSelector" "tolerations" "affinity" "topologySpreadConstraints" "priorityClassName" "runtimeClassName" "hostAliases" "dnsPolicy" "dnsConfig" }}
  {{- with get $.Values $field }}
  {{- dict $field . | toYaml | nindent 2 }}
  {{- end }}
  {{- end }}
  {{- with .Values.extraInitContainers }}
  initContainers:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: exporter
      image: {{ include "braze-exporter.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args:
        - serve
        {{- with .Values.extraArgs }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      env:
        # In the environment, so that every command finds the settings: kubectl exec … -- python3 -m exporter check
        - name: BRAZE_EXPORTER_CONFIG__FILE
          value: {{ $folder }}/config/exporter.yml
        - name: BRAZE_EXPORTER_WEB__LISTEN_ADDRESS
          value: ":{{ .Values.containerPort }}"
        {{- if include "braze-exporter.sharded" . }}
        # Here, so that it goes with the StatefulSet's replicas, whoever makes the ConfigMap.
        - name: BRAZE_EXPORTER_SHARD
          value: auto/{{ .Values.shards }}
        {{- end }}
        {{- if $webConfigSecret }}
        - name: BRAZE_EXPORTER_WEB__CONFIG_FILE
          value: {{ $folder }}/web/web.yml
        {{- end }}
        {{- with .Values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with .Values.extraEnvFrom }}
      envFrom:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      ports:
        - name: http
          containerPort: {{ .Values.containerPort }}
          protocol: TCP
      {{- range $probe := list "startupProbe" "livenessProbe" "readinessProbe" }}
      {{- with get $.Values $probe }}
      {{ $probe }}:
        {{- include "braze-exporter.probe" (list $ .) | nindent 8 }}
      {{- end }}
      {{- end }}
      {{- with .Values.lifecycle }}
      lifecycle:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      securityContext:
        {{- toYaml .Values.securityContext | nindent 8 }}
      # Folders, never single files by subPath: those would keep what they held when the pod began.
      volumeMounts:
        - name: config
          mountPath: {{ $folder }}/config
          readOnly: true
        {{- if $keySources }}
        - name: keys
          mountPath: {{ $folder }}/keys
          readOnly: true
        {{- end }}
        {{- if $webConfigSecret }}
        - name: web
          mountPath: {{ $folder }}/web
          readOnly: true
        {{- end }}
        {{- if .Values.tls.existingSecret }}
        - name: tls
          mountPath: {{ $folder }}/tls
          readOnly: true
        {{- end }}
        - name: tmp
          mountPath: /tmp
        {{- range concat .Values.extraSecretMounts .Values.extraConfigmapMounts }}
        - name: {{ .name | quote }}
          mountPath: {{ .mountPath }}
          readOnly: true
        {{- end }}
        {{- with .Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    {{- with .Values.extraContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  # Modes are decimal: 288 is 0440, for the group that fsGroup names.
  volumes:
    - name: config
      configMap:
        name: {{ default (include "braze-exporter.fullname" .) .Values.existingConfigMap | quote }}
    {{- with $keySources }}
    - name: keys
      projected:
        defaultMode: 288
        sources:
          {{- . | nindent 10 }}
    {{- end }}
    {{- with $webConfigSecret }}
    - name: web
      secret:
        secretName: {{ . | quote }}
        defaultMode: 288
    {{- end }}
    {{- with .Values.tls.existingSecret }}
    - name: tls
      secret:
        secretName: {{ . | quote }}
        defaultMode: 288
    {{- end }}
    - name: tmp
      emptyDir: {}
    {{- range .Values.extraSecretMounts }}
    - name: {{ .name | quote }}
      secret:
        secretName: {{ .secretName | quote }}
        defaultMode: {{ default 288 .defaultMode }}
        {{- with .items }}
        items:
          {{- toYaml . | nindent 10 }}
        {{- end }}
    {{- end }}
    {{- range .Values.extraConfigmapMounts }}
    - name: {{ .name | quote }}
      configMap:
        name: {{ .configMap | quote }}
        defaultMode: {{ default 288 .defaultMode }}
        {{- with .items }}
        items:
          {{- toYaml . | nindent 10 }}
        {{- end }}
    {{- end }}
    {{- with .Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}
