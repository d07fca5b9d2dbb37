//! The settings of an app as its calls meet them.

use std::sync::Arc;

use crate::admission::AppAdmission;
use crate::app_settings::AppSettings;
use crate::egress::OutboundClient;
use crate::limits::EffectiveLimits;
use api_types::InvalidLimits;

/// Settings in force, with all that follows from them. Together, so that a call takes one reference to all of it.
#[derive(Debug)]
pub(crate) struct AppliedSettings {
    pub(crate) settings: AppSettings,
    pub(crate) limits: EffectiveLimits,
    pub(crate) admission: AppAdmission,
    pub(crate) outbound: Arc<OutboundClient>,
}

impl AppliedSettings {
    pub(crate) fn new(settings: AppSettings) -> Result<Self, InvalidLimits> {
        let limits = EffectiveLimits::new(&settings.limits)?;
        Ok(Self {
            admission: AppAdmission::new(&settings.limits, &limits),
            outbound: Arc::new(OutboundClient::new(settings.allowed_hosts.clone())),
            limits,
            settings,
        })
    }
}

/// Of an app that set nothing.
impl Default for AppliedSettings {
    #[expect(clippy::expect_used, reason = "a test of the limits says that the defaults are valid")]
    fn default() -> Self {
        Self::new(AppSettings::default()).expect("the defaults are valid")
    }
}
