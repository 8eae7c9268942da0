//! A garden plan: beds, plants and when they want water.

/// How much light a plant wants.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Light {
    Shade,
    Half,
    Sun,
}

/// A plant in the garden.
#[derive(Debug, Clone)]
pub struct Plant {
    pub name: String,
    pub light: Light,
    pub days_dry: u32,
}

/// Litres that a plant needs today.
///
/// One litre a dry day in the shade, two in half shade, three in the sun, for four days at most.
pub fn litres(light: Light, days_dry: u32) -> u32 {
    let base = match light {
        Light::Shade => 1,
        Light::Half => 2,
        Light::Sun => 3,
    };
    base * days_dry.min(4)
}

/// Water for all plants.
pub fn total_litres(plants: &[Plant]) -> u32 {
    plants.iter().map(|plant| litres(plant.light, plant.days_dry)).sum()
}

/// Water every plant that has been dry for some days; gives their names.
pub fn water(plants: &mut [Plant], after: u32) -> Vec<String> {
    let mut watered = Vec::new();
    for plant in plants.iter_mut() {
        if plant.days_dry >= after {
            plant.days_dry = 0;
            watered.push(plant.name.clone());
        }
    }
    watered
}

/// The plant that has been dry for longest.
pub fn driest(plants: &[Plant]) -> Option<&Plant> {
    plants.iter().max_by_key(|plant| plant.days_dry)
}

/// A label for the bed.
pub fn label(plant: &Plant) -> String {
    let mut text = plant.name.to_uppercase();
    if plant.light == Light::Sun {
        text.push_str(" (sun)");
    }
    text
}
