"""What every page is made of: base templates, components, navigation, paging, formats."""
