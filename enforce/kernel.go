package enforce

// tableState is what stands under the name of our table.
type tableState uint8

const (
	tableIntact  tableState = iota // ours, and nobody else wrote since we looked last
	tableTouched                   // ours and as we made it, but somebody wrote something somewhere
	tableDamaged                   // ours, but changed or of another version
	tableChains                    // ours with all its sets, but chains or rules are not as we made them
	tableGuards                    // ours, but the protected addresses in it are others
	tableOrphan                    // ours and kept for its owner, who is gone
	tableAbsent                    // nothing
)

// maxNoticed bounds the keys that are remembered: beyond them it is an overrun.
const maxNoticed = 50_000

// noticed is what others did to our table.
type noticed struct {
	// keys are elements that were removed or written.
	keys []key
	// overrun tells that more happened than was noticed.
	overrun bool
	// remade tells that our table or a set of it was deleted: the kernel does not
	// name the elements that went with it. Another may stand there since, as where
	// somebody loads a ruleset that was saved.
	remade bool
}
