using System.Net;
using System.Net.Sockets;

namespace OnnxStream.Interop.Benchmarks.Serving;

/// <summary>Three NATS servers on loopback that store everything three times.</summary>
internal sealed class QueueCluster : IDisposable
{
    private static readonly string[] s_programs = ["/usr/sbin/nats-server", "/usr/local/bin/nats-server", "/usr/bin/nats-server"];

    private readonly string _folder = Directory.CreateTempSubdirectory("onnxstream-bench-").FullName;
    private readonly string _program;
    private readonly ServingProcess[] _servers;
    private readonly int[] _ports;

    public QueueCluster()
    {
        _program = s_programs.FirstOrDefault(File.Exists) ?? throw new FileNotFoundException("nats-server is not installed (apt-get install nats-server).");
        _ports = [.. Enumerable.Range(0, 3).Select(_ => FreePort())];
        int[] routes = [.. Enumerable.Range(0, 3).Select(_ => FreePort())];
        string others = string.Join(", ", routes.Select(port => $"\"nats://127.0.0.1:{port}\""));
        for (int i = 0; i < 3; i++)
        {
            File.WriteAllText(Configuration(i), $$"""
                listen: 127.0.0.1:{{_ports[i]}}
                server_name: n{{i}}
                jetstream { store_dir: "{{Path.Combine(_folder, $"{i}")}}", max_mem: 256M, max_file: 2G }
                cluster { name: bench, listen: "127.0.0.1:{{routes[i]}}", routes: [{{others}}] }
                """);
        }

        _servers = [.. Enumerable.Range(0, 3).Select(Launch)];
    }

    /// <summary>The addresses of all.</summary>
    public string Url => string.Join(',', _ports.Select(port => $"nats://127.0.0.1:{port}"));

    /// <summary>The processes.</summary>
    public IReadOnlyList<ServingProcess> Servers => _servers;

    /// <summary>Waits until they have found each other.</summary>
    public async Task WaitAsync(CancellationToken cancellationToken)
    {
        foreach (ServingProcess server in _servers)
        {
            await server.WaitForAsync("Server is ready", cancellationToken);
        }

        while (_servers.All(server => server.Lines("Self is new JetStream cluster metadata leader").Count == 0))
        {
            await Task.Delay(100, cancellationToken);
        }
    }

    /// <summary>Ends one as a power failure does, and starts it again with what it had stored.</summary>
    public async Task RestartAsync(int server, TimeSpan pause, CancellationToken cancellationToken)
    {
        _servers[server].Dispose();
        await Task.Delay(pause, cancellationToken);
        _servers[server] = Launch(server);
        await _servers[server].WaitForAsync("Server is ready", cancellationToken);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (ServingProcess server in _servers)
        {
            server.Dispose();
        }

        Directory.Delete(_folder, recursive: true);
    }

    private static int FreePort()
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private string Configuration(int server) => Path.Combine(_folder, $"{server}.conf");

    private ServingProcess Launch(int server) => new(_program, ["-c", Configuration(server)]);
}
