"""What an operator mounts: Grafana's dashboards and Prometheus's rules, made from Python by ``make dashboards``."""
