//! The function of the recipe for AWS Lambda, as it is deployed.

use tower_descope::Descope;

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    tower_descope_recipes::lambda::serve(Descope::from_env()?).await
}
