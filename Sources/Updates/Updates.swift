// Updates
