using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace OnnxStream.Interop.Http.Tests;

/// <summary>nginx with the files of a folder, on this machine, in a process of its own.</summary>
internal sealed class NginxServer : IDisposable
{
    private const string Program = "/usr/sbin/nginx";

    private readonly string _place = Directory.CreateTempSubdirectory("onnxstream-nginx-").FullName;
    private readonly Process _process;

    /// <summary>Starts it.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="settings">Lines of its configuration for the server.</param>
    public NginxServer(string folder, string settings = "")
    {
        using (Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp))
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            Address = new Uri($"http://127.0.0.1:{((IPEndPoint)socket.LocalEndPoint!).Port}/");
        }

        File.WriteAllText(Path.Combine(_place, "nginx.conf"), $$"""
            {{(Environment.IsPrivilegedProcess ? "user root;" : "")}}
            daemon off;
            master_process off;
            pid {{_place}}/nginx.pid;
            error_log {{_place}}/error.log;
            events { worker_connections 64; }
            http {
              access_log off;
              client_body_temp_path {{_place}}/body; proxy_temp_path {{_place}}/proxy; fastcgi_temp_path {{_place}}/fastcgi; uwsgi_temp_path {{_place}}/uwsgi; scgi_temp_path {{_place}}/scgi;
              server { listen 127.0.0.1:{{Address.Port}}; root {{folder}}; sendfile on; {{settings}} }
            }
            """);
        _process = Process.Start(new ProcessStartInfo(Program, ["-p", _place, "-c", Path.Combine(_place, "nginx.conf"), "-e", Path.Combine(_place, "error.log")]) { RedirectStandardError = true })!;
        using HttpClient client = new();
        for (int attempt = 0; ; attempt++)
        {
            try
            {
                using HttpResponseMessage answer = client.Send(new HttpRequestMessage(HttpMethod.Get, Address));
                return;
            }
            catch (HttpRequestException) when (attempt < 200 && !_process.HasExited)
            {
                Thread.Sleep(25);
            }
        }
    }

    /// <summary>Whether there is an nginx.</summary>
    public static bool IsInstalled => File.Exists(Program);

    /// <summary>Where it listens.</summary>
    public Uri Address { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        Directory.Delete(_place, recursive: true);
    }
}
