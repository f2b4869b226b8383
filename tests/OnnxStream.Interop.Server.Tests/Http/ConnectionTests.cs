using System.Net;
using System.Net.Sockets;
using System.Text;

namespace OnnxStream.Interop.Server.Tests.Http;

/// <summary>Connections that do nothing, or end in the middle, with the limits that a server has where nobody says otherwise.</summary>
public class ConnectionTests
{
    [Test]
    public async Task AThousandIdleConnectionsKeepNobodyOut()
    {
        const int Count = 1000;
        await using RunningServer server = await RunningServer.StartAsync();
        Uri health = new("/health", UriKind.Relative);

        // Whoever was there before has its connection.
        Assert.That((await server.Client.GetAsync(health)).StatusCode, Is.EqualTo(HttpStatusCode.OK));
        long before = GC.GetTotalMemory(forceFullCollection: true);
        List<TcpClient> idle = [];
        try
        {
            for (int i = 0; i < Count; i++)
            {
                TcpClient tcp = new();
                await tcp.ConnectAsync(IPAddress.Loopback, server.Client.BaseAddress!.Port);
                idle.Add(tcp);
            }

            for (int i = 0; i < 20; i++)
            {
                using CancellationTokenSource limit = new(TimeSpan.FromSeconds(5));
                Assert.That((await server.Client.GetAsync(health, limit.Token)).StatusCode, Is.EqualTo(HttpStatusCode.OK));
            }

            // Both ends of all connections are in this process.
            Assert.That(GC.GetTotalMemory(forceFullCollection: true) - before, Is.LessThan(32 << 20));
        }
        finally
        {
            idle.ForEach(tcp => tcp.Dispose());
        }

        using HttpClient other = new() { BaseAddress = server.Client.BaseAddress };
        for (int attempt = 0; ; attempt++)
        {
            try
            {
                Assert.That((await other.GetAsync(health)).StatusCode, Is.EqualTo(HttpStatusCode.OK));
                break;
            }
            catch (HttpRequestException) when (attempt < 100)
            {
                await Task.Delay(100);
            }
        }
    }

    [Test]
    public async Task UploadsThatAreBrokenOffGiveTheirRoomBack()
    {
        const int Length = 8 << 20;
        await using RunningServer server = await RunningServer.StartAsync(options => options with { MostBodyBytes = Length, MostBodyBytesTogether = 2 * Length });
        for (int i = 0; i < 50; i++)
        {
            using TcpClient tcp = new();
            await tcp.ConnectAsync(IPAddress.Loopback, server.Client.BaseAddress!.Port);
            NetworkStream stream = tcp.GetStream();
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {Length}\r\n\r\n{{\"kind\":\""));
            await stream.WriteAsync(new byte[100_000]);
        }

        // A whole body of that size is read: it is refused for what it is, not for want of room.
        for (int attempt = 0; ; attempt++)
        {
            using ByteArrayContent content = new(new byte[Length]);
            content.Headers.ContentType = new("application/json");
            using HttpResponseMessage response = await server.Client.PostAsync(new Uri("/jobs", UriKind.Relative), content);
            if (response.StatusCode != HttpStatusCode.ServiceUnavailable || attempt > 100)
            {
                Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
                break;
            }

            await Task.Delay(50);
        }

        Assert.That(server.Server.Queue.WaitingCount + server.Server.Queue.RunningCount, Is.Zero);
    }
}
