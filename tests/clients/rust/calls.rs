//! The crate google-androidmanagement1 behind a pipe: a line of JSON for each call, a line for its answer. HELIOGRAPH_URL is the server.
use std::io::{stdin, stdout, Write};

use google_androidmanagement1::common::{self, remove_json_null_values, NoToken};
use google_androidmanagement1::hyper_util::client::legacy::{connect::HttpConnector, Client};
use google_androidmanagement1::hyper_util::rt::TokioExecutor;
use google_androidmanagement1::{api::*, AndroidManagement, Error, FieldMask};
use serde_json::{from_value, json, to_value, Value};

type Hub = AndroidManagement<HttpConnector>;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let url = std::env::var("HELIOGRAPH_URL").expect("HELIOGRAPH_URL");
    let mut hub = AndroidManagement::new(Client::builder(TokioExecutor::new()).build(HttpConnector::new()), NoToken);
    hub.base_url(format!("{url}/"));
    hub.root_url(format!("{url}/"));
    for line in stdin().lines() {
        let asked: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let mut said = match call(&hub, asked["call"].as_str().unwrap(), &asked["arguments"]).await {
            Ok(answer) => json!({ "answer": answer }),
            Err(Error::BadRequest(refused)) => {
                json!({ "error": { "code": refused["error"]["code"], "message": refused["error"]["message"] } })
            }
            Err(other) => panic!("{other}"),
        };
        remove_json_null_values(&mut said);
        println!("{said}");
        stdout().flush().unwrap();
    }
}

// The answer of a call that has no options, or whose options the caller has added already.
macro_rules! done {
    ($call:expr) => {
        Ok(to_value($call.doit().await?.1).unwrap())
    };
}

// A page of a list.
macro_rules! page {
    ($call:expr, $arguments:expr) => {{
        let mut call = $call;
        if let Some(size) = $arguments["pageSize"].as_i64() {
            call = call.page_size(size as i32);
        }
        if let Some(token) = $arguments["pageToken"].as_str() {
            call = call.page_token(token);
        }
        done!(call)
    }};
}

// A change of the fields that updateMask names; without one, of all that the body has.
macro_rules! patch {
    ($call:expr, $arguments:expr) => {{
        let mut call = $call;
        if let Some(fields) = $arguments["updateMask"].as_str() {
            call = call.update_mask(FieldMask::new(&fields.split(',').collect::<Vec<_>>()));
        }
        done!(call)
    }};
}

async fn call(hub: &Hub, method: &str, arguments: &Value) -> common::Result<Value> {
    let text = |name: &str| arguments[name].as_str().unwrap_or_default();
    let body = || arguments.get("body").cloned().unwrap_or(json!({}));
    let enterprises = hub.enterprises();
    match method {
        "signupUrls.create" => done!(hub
            .signup_urls()
            .create()
            .project_id(text("projectId"))
            .callback_url(text("callbackUrl"))),
        "enterprises.create" => done!(enterprises
            .create(from_value::<Enterprise>(body()).unwrap())
            .project_id(text("projectId"))
            .signup_url_name(text("signupUrlName"))
            .enterprise_token(text("enterpriseToken"))),
        "enterprises.get" => done!(enterprises.get(text("name"))),
        "enterprises.list" => page!(enterprises.list().project_id(text("projectId")), arguments),
        "enterprises.patch" => patch!(enterprises.patch(from_value(body()).unwrap(), text("name")), arguments),
        "enterprises.delete" => done!(enterprises.delete(text("name"))),
        "enterprises.policies.patch" => patch!(enterprises.policies_patch(from_value(body()).unwrap(), text("name")), arguments),
        "enterprises.policies.get" => done!(enterprises.policies_get(text("name"))),
        "enterprises.policies.list" => page!(enterprises.policies_list(text("parent")), arguments),
        "enterprises.policies.delete" => done!(enterprises.policies_delete(text("name"))),
        "enterprises.enrollmentTokens.create" => done!(enterprises.enrollment_tokens_create(from_value(body()).unwrap(), text("parent"))),
        "enterprises.enrollmentTokens.get" => done!(enterprises.enrollment_tokens_get(text("name"))),
        "enterprises.enrollmentTokens.list" => page!(enterprises.enrollment_tokens_list(text("parent")), arguments),
        "enterprises.enrollmentTokens.delete" => done!(enterprises.enrollment_tokens_delete(text("name"))),
        "enterprises.devices.list" => page!(enterprises.devices_list(text("parent")), arguments),
        "enterprises.devices.get" => done!(enterprises.devices_get(text("name"))),
        "enterprises.devices.patch" => patch!(enterprises.devices_patch(from_value(body()).unwrap(), text("name")), arguments),
        "enterprises.devices.delete" => done!(enterprises.devices_delete(text("name"))),
        "enterprises.devices.issueCommand" => done!(enterprises.devices_issue_command(from_value(body()).unwrap(), text("name"))),
        "enterprises.devices.operations.get" => done!(enterprises.devices_operations_get(text("name"))),
        "enterprises.devices.operations.list" => {
            let call = enterprises.devices_operations_list(text("name"));
            page!(
                if arguments["filter"].is_string() {
                    call.filter(text("filter"))
                } else {
                    call
                },
                arguments
            )
        }
        "enterprises.devices.operations.cancel" => done!(enterprises.devices_operations_cancel(text("name"))),
        _ => panic!("calls.rs has no {method}"),
    }
}
