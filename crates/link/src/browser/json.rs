//! JSON by the browser's own parser.

use js_sys::{Array, JSON, Object, Reflect};
use tickwire_wire::Fields;
use wasm_bindgen::{JsCast, JsValue};

/// An object that was parsed.
pub struct Json(JsValue);

impl Fields for Json {
    fn number(&self, name: &str) -> Option<f64> {
        get(&self.0, name).as_f64()
    }

    fn text(&self, name: &str) -> Option<String> {
        get(&self.0, name).as_string()
    }
}

/// Parses an object; `None` for what is none.
pub fn parse(text: &str) -> Option<Json> {
    let value = JSON::parse(text).ok()?;
    value.is_object().then_some(Json(value))
}

/// Writes an object of these fields.
pub(crate) fn write(fields: impl IntoIterator<Item = (&'static str, JsValue)>) -> String {
    let object = Object::new();
    for (name, value) in fields {
        set(&object, name, &value);
    }
    // It fails for objects that contain themselves, and none does here.
    JSON::stringify(&object).map_or_else(|_| String::new(), String::from)
}

/// Several values as one.
pub(crate) fn list(values: impl IntoIterator<Item = JsValue>) -> JsValue {
    values.into_iter().collect::<Array>().unchecked_into()
}

/// A property; undefined where there is none.
pub(crate) fn get(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &name.into()).unwrap_or_default()
}

/// Sets a property of an object that takes any.
pub(crate) fn set(object: &JsValue, name: &str, value: &JsValue) {
    // It fails for what is no object.
    let _ = Reflect::set(object, &name.into(), value);
}
