using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace OnnxStream.Interop.Fleet.Tests;

/// <summary>A nats-server on this machine, in a process of its own, alone or in a cluster.</summary>
internal sealed class NatsServer : IDisposable
{
    private static readonly string[] s_programs = ["/usr/sbin/nats-server", "/usr/local/bin/nats-server", "/usr/bin/nats-server"];

    private readonly string _place = Directory.CreateTempSubdirectory("onnxstream-nats-").FullName;
    private readonly int _port;
    private Process _process;

    private NatsServer(int port, string name, string settings)
    {
        _port = port;
        File.WriteAllText(Path.Combine(_place, "nats.conf"), $$"""
            listen: 127.0.0.1:{{port}}
            server_name: {{name}}
            pid_file: "{{_place}}/nats.pid"
            jetstream { store_dir: "{{_place}}/store", max_mem: 256M, max_file: 2G }
            {{settings}}
            """);
        _process = Launch();
    }

    /// <summary>Starts one, or skips the test where there is none.</summary>
    /// <param name="settings">Lines of its configuration.</param>
    public static NatsServer Start(string settings = "")
    {
        RequireProgram();
        NatsServer server = new(FreePort(), "alone", settings);
        server.WaitUntilItListens();
        return server;
    }

    /// <summary>Starts a cluster.</summary>
    public static NatsServer[] StartCluster(int count)
    {
        RequireProgram();
        int[] clients = [.. Enumerable.Range(0, count).Select(_ => FreePort())], routes = [.. Enumerable.Range(0, count).Select(_ => FreePort())];
        string others = string.Join(", ", routes.Select(port => $"\"nats://127.0.0.1:{port}\""));
        NatsServer[] servers = [.. Enumerable.Range(0, count).Select(i => new NatsServer(clients[i], $"n{i}", $$"""cluster { name: fleet, listen: "127.0.0.1:{{routes[i]}}", routes: [{{others}}] }"""))];
        foreach (NatsServer server in servers)
        {
            server.WaitUntilItListens();
        }

        return servers;
    }

    /// <summary>Where it listens.</summary>
    public string Url => $"nats://127.0.0.1:{_port}";

    /// <summary>Ends it at once, as a power failure does.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    /// <summary>Starts it again, with what it had stored.</summary>
    public void StartAgain()
    {
        _process.Dispose();
        _process = Launch();
        WaitUntilItListens();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_process.HasExited)
        {
            Kill();
        }

        _process.Dispose();
        Directory.Delete(_place, recursive: true);
    }

    private static void RequireProgram()
    {
        if (!s_programs.Any(File.Exists))
        {
            Assert.Ignore("nats-server is not installed (Debian: nats-server).");
        }
    }

    private static int FreePort()
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private Process Launch() => Process.Start(new ProcessStartInfo(s_programs.First(File.Exists), ["-c", Path.Combine(_place, "nats.conf"), "-l", Path.Combine(_place, "nats.log")]))!;

    private void WaitUntilItListens()
    {
        for (int attempt = 0; ; attempt++)
        {
            try
            {
                using TcpClient client = new();
                client.Connect(IPAddress.Loopback, _port);
                return;
            }
            catch (SocketException) when (attempt < 400 && !_process.HasExited)
            {
                Thread.Sleep(25);
            }
            catch (SocketException)
            {
                string log = Path.Combine(_place, "nats.log");
                Assert.Fail($"nats-server does not listen: {(File.Exists(log) ? File.ReadAllText(log) : "no log")}");
            }
        }
    }
}
