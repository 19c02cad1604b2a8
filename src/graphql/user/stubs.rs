//! Data that other openIMIS modules have about a user, and this server does not. Their front ends select these fields on
//! every page. So the types exist, but there is never a value.

use async_graphql::{ID, SimpleObject};

/// A place.
#[derive(SimpleObject)]
#[graphql(name = "LocationGQLType")]
pub struct Location {
    id: ID,
    uuid: Option<String>,
    code: Option<String>,
    name: Option<String>,
    #[graphql(name = "type")]
    kind: Option<String>,
    parent: Option<Box<Location>>,
}

/// A list of prices.
#[derive(SimpleObject)]
#[graphql(name = "PriceListGQLType")]
pub struct PriceList {
    id: ID,
    uuid: Option<String>,
}

/// A health facility.
#[derive(SimpleObject)]
#[graphql(name = "HealthFacilityGQLType")]
pub struct HealthFacility {
    id: ID,
    uuid: Option<String>,
    code: Option<String>,
    name: Option<String>,
    level: Option<String>,
    services_pricelist: Option<PriceList>,
    items_pricelist: Option<PriceList>,
    contract_start_date: Option<String>,
    contract_end_date: Option<String>,
    location: Option<Location>,
}

/// Somebody who enters claims.
#[derive(SimpleObject)]
#[graphql(name = "ClaimAdminGQLType")]
pub struct ClaimAdmin {
    id: ID,
    uuid: Option<String>,
    code: Option<String>,
}

/// Somebody who enrols people.
#[derive(SimpleObject)]
#[graphql(name = "OfficerGQLType")]
pub struct Officer {
    id: ID,
    uuid: Option<String>,
    code: Option<String>,
    dob: Option<String>,
    address: Option<String>,
    location: Option<Location>,
}

/// A district that a user works in.
#[derive(SimpleObject)]
#[graphql(name = "UserDistrictGQLType")]
pub struct UserDistrict {
    id: ID,
    uuid: Option<String>,
    code: Option<String>,
    name: Option<String>,
    parent: Option<Location>,
}
