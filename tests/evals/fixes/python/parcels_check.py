from parcels import Parcel, band_price, batches, price, volumetric_weight, zone_surcharge

small = Parcel(0.8, 20, 10, 5, "AT")
bulky = Parcel(0.8, 50, 40, 30, "NO")
assert volumetric_weight(bulky) == 12
assert [band_price(weight) for weight in (0.2, 1.0, 5.1, 70)] == [390, 390, 990, 990]
assert zone_surcharge("CH") == 300
assert zone_surcharge("NO") == 600
assert price(small) == 540
assert price(bulky, fragile=True) == 1840
assert [len(batch) for batch in batches([small] * 7, 3)] == [3, 3, 1], "7 parcels in groups of 3 are 3, 3 and 1"
assert batches([], 3) == []
