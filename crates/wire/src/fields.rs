//! JSON objects, whoever has parsed them: in the browser its own parser, so that no other has to be
//! downloaded, and elsewhere serde_json.

/// The fields of a JSON object.
pub trait Fields {
    /// The number of this name; `None` where there is none.
    fn number(&self, name: &str) -> Option<f64>;

    /// The text of this name; `None` where there is none.
    fn text(&self, name: &str) -> Option<String>;
}

impl Fields for serde_json::Value {
    fn number(&self, name: &str) -> Option<f64> {
        self.get(name)?.as_f64()
    }

    fn text(&self, name: &str) -> Option<String> {
        self.get(name)?.as_str().map(str::to_owned)
    }
}
