#!/usr/bin/env node
// deploy/prometheus/hwerr-exporter.rules.yml as the PrometheusRule object that the Prometheus
// operator reads. Prints it; a test compares that with what is committed:
//   node deploy/prometheus/make-prometheus-rule.mjs > deploy/kubernetes/rules/prometheusrule.yaml
import { readFileSync } from 'node:fs';

const rules = readFileSync(new URL('hwerr-exporter.rules.yml', import.meta.url), 'utf8');
const groups = rules.slice(rules.indexOf('\ngroups:') + 1);

process.stdout
  .write(`# Made from deploy/prometheus/hwerr-exporter.rules.yml by make-prometheus-rule.mjs: edit that.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: hwerr-exporter
  labels:
    app.kubernetes.io/name: hwerr-exporter
spec:
${groups.replace(/^(?=.)/gm, '  ')}`);
