#[path = "garden.rs"]
mod garden;
use garden::*;

#[test]
fn garden() {
    let plant = |name: &str, light, days_dry| Plant { name: name.to_string(), light, days_dry };
    let mut plants = vec![plant("fern", Light::Shade, 1), plant("mint", Light::Half, 2), plant("sage", Light::Sun, 9)];
    assert_eq!(litres(Light::Sun, 9), 12);
    assert_eq!(total_litres(&plants), 17);
    assert_eq!(driest(&plants).unwrap().name, "sage");
    assert_eq!(label(&plants[2]), "SAGE (sun)");
    assert_eq!(label(&plants[0]), "FERN");
    assert_eq!(water(&mut plants, 2), ["mint", "sage"]);
    assert_eq!(plants[2].days_dry, 0);
    assert_eq!(plants[0].days_dry, 1);
    assert!(driest(&[]).is_none());
}
