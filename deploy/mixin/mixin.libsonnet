// A monitoring mixin that imports the rules and dashboards of this repository.
//   jsonnet -e '(import "mixin.libsonnet").prometheusAlerts'

// jsonnet 0.18 (Debian 12) cannot parse literal YAML blocks with line breaks. PromQL does not need the line breaks.
local folded(yaml) = std.strReplace(yaml, 'expr: |\n', 'expr: >-\n');
local groups = std.parseYaml(folded(importstr '../prometheus/hwerr-exporter.rules.yml')).groups;
local having(kind) = [
  group { rules: rules }
  for group in groups
  for rules in [[rule for rule in group.rules if std.objectHas(rule, kind)]]
  if std.length(rules) > 0
];

{
  prometheusAlerts+:: { groups: having('alert') },
  prometheusRules+:: { groups: having('record') },
  grafanaDashboards+:: {
    'hwerr-fleet.json': import '../grafana/dashboards/hwerr-fleet.json',
    'hwerr-host.json': import '../grafana/dashboards/hwerr-host.json',
  },
}
