package mcpsdk_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/mcpsdk"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// record records the calls that a server gets.
func record(audit etch.Recorder, server *mcp.Server) {
	server.AddReceivingMiddleware(mcpsdk.Middleware(audit, nil))
}

// A server's calls are recorded, with the client that made them.
func Example() {
	dir, err := os.MkdirTemp("", "etch-example")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // an example's own directory
	path := filepath.Join(dir, "audit.log")
	audit, err := etch.Create(path, nil)
	if err != nil {
		log.Fatal(err)
	}

	server := mcp.NewServer(&mcp.Implementation{Name: "weather", Version: "1"}, nil)
	mcp.AddTool(server, &mcp.Tool{Name: "forecast"}, forecast)
	record(audit, server)
	if err := ask(context.Background(), server, "Atlantis"); err != nil {
		log.Fatal(err)
	}

	if err := audit.Close(); err != nil {
		log.Fatal(err)
	}
	reader, err := etch.OpenReader(path)
	if err != nil {
		log.Fatal(err)
	}
	for rec, err := range reader.Records(context.Background(), etch.Query{}) {
		if err != nil {
			log.Fatal(err)
		}
		e := rec.Event
		fmt.Println(e.Type, e.Labels["client"], e.Action.Tool, string(e.Action.Arguments), e.Result.Type, e.Result.Message)
	}
	// Output: tool_call desktop forecast {"place":"Atlantis"} error no such place
}

type place struct {
	Place string `json:"place"`
}

func forecast(context.Context, *mcp.CallToolRequest, place) (*mcp.CallToolResult, any, error) {
	return nil, nil, errors.New("no such place")
}

// ask is what a client does.
func ask(ctx context.Context, server *mcp.Server, where string) error {
	here, there := mcp.NewInMemoryTransports()
	serving, err := server.Connect(ctx, there, nil)
	if err != nil {
		return err
	}
	session, err := mcp.NewClient(&mcp.Implementation{Name: "desktop", Version: "1"}, nil).Connect(ctx, here, nil)
	if err != nil {
		return err
	}
	if _, err := session.CallTool(ctx, &mcp.CallToolParams{Name: "forecast", Arguments: place{where}}); err != nil {
		return err
	}
	return errors.Join(session.Close(), serving.Wait())
}
