//! What Prometheus reads. It tells of all apps, so it is the operator's.

use axum::extract::State;

use super::Control;
use super::apps::Admin;

pub(super) async fn render(State(control): State<Control>, _: Admin) -> String {
    control.metrics.render()
}
