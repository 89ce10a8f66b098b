module github.com/etch-audit/etch/integration

go 1.26.0
