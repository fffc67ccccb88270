package enforce

// tableState is what stands under the name of our table.
type tableState uint8

const (
	tableIntact  tableState = iota // ours, and nobody else wrote since we looked last
	tableTouched                   // ours and as we made it, but somebody wrote something somewhere
	tableDamaged                   // ours, but changed or of another version
	tableAbsent                    // nothing
)
