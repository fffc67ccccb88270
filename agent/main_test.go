package agent

import (
	"os"
	"testing"

	"slips-ips/internal/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Untouched(m).Run()) }
