"""What `infra.package` is made of: targets, dependencies, the zip, SnapStart, the bill of materials."""
