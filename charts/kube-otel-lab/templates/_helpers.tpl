{{/* The labels of every object of the lab. */}}
{{- define "lab.labels" -}}
app.kubernetes.io/part-of: kube-otel-lab
{{- end }}

{{/* The labels of a component's objects and pods. */}}
{{- define "lab.component" -}}
app.kubernetes.io/name: {{ . }}
app.kubernetes.io/instance: {{ . }}
{{ include "lab.labels" . }}
{{- end }}

{{- define "lab.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "lab.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{/* A service account with a ClusterRole. Arguments: the name, the rules, the namespace. */}}
{{- define "lab.account" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ .name }}
  labels: {{- include "lab.component" .name | nindent 4 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: kube-otel-lab-{{ .name }}
  labels: {{- include "lab.component" .name | nindent 4 }}
rules: {{- .rules | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: kube-otel-lab-{{ .name }}
  labels: {{- include "lab.component" .name | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: kube-otel-lab-{{ .name }}
subjects:
  - { kind: ServiceAccount, name: {{ .name }}, namespace: {{ .namespace }} }
{{- end }}

{{/* A Role in a namespace, bound to a service account. Arguments: the name, the rules, the account's namespace, the role's. */}}
{{- define "lab.role" -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: kube-otel-lab-{{ .name }}
  namespace: {{ .in }}
  labels: {{- include "lab.component" .name | nindent 4 }}
rules: {{- .rules | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: kube-otel-lab-{{ .name }}
  namespace: {{ .in }}
  labels: {{- include "lab.component" .name | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: kube-otel-lab-{{ .name }}
subjects:
  - { kind: ServiceAccount, name: {{ .name }}, namespace: {{ .namespace }} }
{{- end }}
