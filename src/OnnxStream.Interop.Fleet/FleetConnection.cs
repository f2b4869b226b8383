using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.Logging;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using NATS.Client.KeyValueStore;
using NATS.Client.ObjectStore;

namespace OnnxStream.Interop.Fleet;

/// <summary>The queue: a connection to NATS with the streams and stores of a fleet. What is out of reach for a while is tried again.</summary>
internal sealed partial class FleetConnection : IAsyncDisposable
{
    // NATS takes messages of a megabyte where nobody says otherwise; base 64 and names come on top.
    private const int MostMessageBytes = 512 << 10;

    private static readonly TimeSpan s_kept = TimeSpan.FromDays(7);

    // One attempt at something, of which a single request takes 5 seconds at most: what waits for longer waits for a server that has gone.
    private static readonly TimeSpan s_longestAttempt = TimeSpan.FromSeconds(15);

    // "Wrong last sequence" while another message of the same subject is being stored: the same may be taken a moment later.
    private const int InFlight = 10164;

    // A copy that is behind has what is stored a little later.
    private static readonly TimeSpan s_behind = TimeSpan.FromSeconds(10);

    private readonly NatsConnection _connection;
    private readonly NatsJSContext _stream;
    private readonly FleetOptions _options;
    private readonly ILogger _logger;

    private FleetConnection(NatsConnection connection, FleetOptions options, INatsKVStore state, INatsObjStore files, ILogger logger)
    {
        _connection = connection;
        _options = options;
        _stream = new NatsJSContext(connection);
        State = state;
        Files = files;
        _logger = logger;
    }

    /// <summary>Outcomes, attempts and models.</summary>
    public INatsKVStore State { get; }

    /// <summary>Large requests, saved steps and results.</summary>
    public INatsObjStore Files { get; }

    /// <summary>Whether there is a connection now.</summary>
    public bool IsOpen => _connection.ConnectionState == NatsConnectionState.Open;

    /// <summary>Connects, and makes the streams and stores that are missing.</summary>
    /// <param name="options">Where and how.</param>
    /// <param name="name">The name of this program, as NATS' tools show it.</param>
    /// <param name="logger">Is told of what is tried again.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="FleetException">There is no such queue, it lets nobody in, or it is no queue.</exception>
    public static async Task<FleetConnection> OpenAsync(FleetOptions options, string name, ILogger logger, CancellationToken cancellationToken)
    {
        Check(options);
        NatsConnection connection = new(NatsOpts.Default with
        {
            Url = options.Url,
            Name = name,
            AuthOpts = new NatsAuthOpts { CredsFile = options.CredentialsFile, Username = options.User, Password = options.Password },
            TlsOpts = new NatsTlsOpts { CaFile = options.AuthorityFile, CertFile = options.CertificateFile, KeyFile = options.KeyFile },
            ConnectTimeout = TimeSpan.FromSeconds(5),
            ReconnectWaitMin = TimeSpan.FromMilliseconds(100),
            ReconnectWaitMax = TimeSpan.FromSeconds(5),
            PingInterval = TimeSpan.FromSeconds(15),

            // What was right at the start may be refused for a while, as when a server that knows no users yet is started anew.
            IgnoreAuthErrorAbort = true,
            SubPendingChannelCapacity = 1 << 16,
        });
        try
        {
            try
            {
                await connection.ConnectAsync().AsTask().WaitAsync(cancellationToken);
            }
            catch (Exception exception) when (exception is NatsException or IOException or ArgumentException or System.Security.Authentication.AuthenticationException)
            {
                throw new FleetException($"{Where(options)}: the queue cannot be reached. Expected a NATS server that lets this user in, found: {Reason(exception)} See --queue and its options.", exception);
            }

            FleetConnection? made = null;
            NatsJSContext stream = new(connection);
            try
            {
                (INatsKVStore state, INatsObjStore files) = await RetryAsync("make its streams", token => MakeAsync(stream, options, token), options, logger, cancellationToken);
                made = new FleetConnection(connection, options, state, files, logger);
            }
            catch (FleetException exception)
            {
                throw new FleetException($"{Where(options)}: the queue cannot be used. Expected a NATS server with JetStream (nats-server -js) and room for {options.Replicas} copies, found: {Reason(exception)}", exception);
            }

            return made;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>Puts a message into a stream, once, whatever happens meanwhile.</summary>
    /// <param name="subject">Its subject.</param>
    /// <param name="bytes">The message.</param>
    /// <param name="id">What it is told by if it comes twice.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <param name="headers">Its headers.</param>
    /// <exception cref="FleetException">It was out of reach for too long, or refused it.</exception>
    public Task StoreAsync(string subject, byte[] bytes, string id, CancellationToken cancellationToken, NatsHeaders? headers = null) => RetryAsync(
        $"store a message of {subject.Split('.')[1]}",
        async token =>
        {
            PubAckResponse answer = await _stream.PublishAsync(subject, bytes, opts: new NatsJSPubOpts { MsgId = id, RetryAttempts = 1 }, headers: headers, cancellationToken: token);

            // That it is there already is no trouble: it was stored before, and the confirmation got lost.
            return answer.Error is { } error ? throw new NatsJSApiException(error) : true;
        },
        cancellationToken);

    /// <summary>Sends a message to whoever listens now.</summary>
    public ValueTask SendAsync(string subject, byte[] bytes, CancellationToken cancellationToken) => _connection.PublishAsync(subject, bytes, cancellationToken: cancellationToken);

    /// <summary>The messages of a subject, as long as nobody stops it.</summary>
    public IAsyncEnumerable<NatsMsg<byte[]>> ListenAsync(string subject, CancellationToken cancellationToken) => _connection.SubscribeAsync<byte[]>(subject, cancellationToken: cancellationToken);

    /// <summary>Asks somebody; null where there is no answer.</summary>
    public async Task<byte[]?> AskAsync(string subject, byte[] bytes, TimeSpan patience, CancellationToken cancellationToken)
    {
        try
        {
            NatsMsg<byte[]> answer = await _connection.RequestAsync<byte[], byte[]>(subject, bytes, replyOpts: new NatsSubOpts { Timeout = patience }, cancellationToken: cancellationToken);
            return answer.Data;
        }
        catch (NatsException)
        {
            return null;
        }
    }

    /// <summary>The work on a model: whoever pulls gets jobs, each for as long as the lease is renewed.</summary>
    public Task<INatsJSConsumer> WorkAsync(string model, CancellationToken cancellationToken) => RetryAsync(
        $"give jobs of the model {model}",
        async token =>
        {
            string name = FleetNames.Consumer(model);
            try
            {
                return await _stream.GetConsumerAsync(FleetNames.JobStream, name, token);
            }
            catch (NatsJSApiException exception) when (exception.Error.Code == 404)
            {
                return await _stream.CreateOrUpdateConsumerAsync(
                    FleetNames.JobStream,
                    new ConsumerConfig(name)
                    {
                        FilterSubject = FleetNames.Jobs(model),
                        AckPolicy = ConsumerConfigAckPolicy.Explicit,
                        AckWait = _options.Lease,

                        // Attempts are counted apart from deliveries: a worker without room hands a job on, which is no fault of the job's.
                        MaxDeliver = -1,
                        MaxAckPending = 100_000,
                        MaxWaiting = 20_000,
                    },
                    token);
            }
        },
        cancellationToken);

    /// <summary>The events of a server's jobs. Each comes at least once, and in order but for repetitions.</summary>
    public Task<INatsJSConsumer> EventsAsync(string server, CancellationToken cancellationToken) => RetryAsync(
        "give events",
        async token => await _stream.CreateOrUpdateConsumerAsync(
            FleetNames.EventStream,
            new ConsumerConfig($"server-{server}")
            {
                FilterSubject = FleetNames.Events(server, "*"),
                AckPolicy = ConsumerConfigAckPolicy.All,
                DeliverPolicy = ConsumerConfigDeliverPolicy.All,
                AckWait = TimeSpan.FromSeconds(30),
                MaxAckPending = 100_000,
                InactiveThreshold = TimeSpan.FromMinutes(30),
            },
            token),
        cancellationToken);

    /// <summary>The jobs that were given up, the oldest first, with their headers.</summary>
    public async Task<IReadOnlyList<NatsHeaders>> DeadAsync(CancellationToken cancellationToken)
    {
        INatsJSConsumer consumer = await _stream.CreateOrUpdateConsumerAsync(
            FleetNames.DeadStream, new ConsumerConfig { AckPolicy = ConsumerConfigAckPolicy.Explicit, InactiveThreshold = TimeSpan.FromMinutes(1), MemStorage = true, NumReplicas = 1 }, cancellationToken);
        List<NatsHeaders> dead = [];
        ulong count = consumer.Info.NumPending;
        if (count > 0)
        {
            await foreach (INatsJSMsg<byte[]> message in consumer.FetchAsync<byte[]>(new NatsJSFetchOpts { MaxMsgs = (int)Math.Min(count, 10_000), Expires = TimeSpan.FromSeconds(5) }, cancellationToken: cancellationToken))
            {
                dead.Add(message.Headers ?? []);
            }
        }

        return dead;
    }

    /// <summary>Stores how a job ended, unless that is stored already.</summary>
    /// <returns>The outcome that counts: this one, or the one that was there.</returns>
    /// <exception cref="FleetException">The queue was out of reach for too long, or refused it.</exception>
    public async Task<FleetOutcome> DecideAsync(string job, FleetOutcome outcome, CancellationToken cancellationToken)
    {
        string key = FleetNames.OutcomeKey(job);
        byte[] bytes = Bytes(outcome, FleetJson.Default.FleetOutcome);
        long end = Environment.TickCount64 + (long)_options.Patience.TotalMilliseconds;
        while (true)
        {
            try
            {
                await RetryAsync("store an outcome", async token => await State.CreateAsync(key, bytes, cancellationToken: token), cancellationToken);
                return outcome;
            }
            catch (NatsKVException exception) when (IsConflict(exception))
            {
                // It may be that this very one was stored, and the answer got lost. A copy that is behind may not have it yet.
                if (await FindOutcomeAsync(job, cancellationToken) is { } known)
                {
                    return known;
                }

                if (Environment.TickCount64 >= end)
                {
                    throw new FleetException("The queue says that the outcome of a job is stored, and does not have it.", exception);
                }

                await Task.Delay(TimeSpan.FromMilliseconds(50), cancellationToken);
            }
        }
    }

    /// <summary>How a job ended; null where it has not.</summary>
    public async Task<FleetOutcome?> FindOutcomeAsync(string job, CancellationToken cancellationToken) =>
        await ReadAsync(FleetNames.OutcomeKey(job), cancellationToken) is ({ } bytes, _) ? Parse(bytes, FleetJson.Default.FleetOutcome) : null;

    /// <summary>How much was counted under a key.</summary>
    /// <exception cref="FleetException">The queue was out of reach for too long, or refused it.</exception>
    public async Task<int> FindCountAsync(string key, CancellationToken cancellationToken) => await ReadAsync(key, cancellationToken) is ({ } known, _) ? BitConverter.ToInt32(known) : 0;

    /// <summary>Counts one more under a key.</summary>
    /// <returns>How many there are, with this one.</returns>
    /// <exception cref="FleetException">The queue was out of reach for too long, or refused it.</exception>
    public async Task<int> CountAsync(string key, CancellationToken cancellationToken)
    {
        long end = Environment.TickCount64 + (long)_options.Patience.TotalMilliseconds;
        while (true)
        {
            (byte[]? known, ulong revision) = await ReadAsync(key, cancellationToken);
            int count = (known is null ? 0 : BitConverter.ToInt32(known)) + 1;
            byte[] bytes = BitConverter.GetBytes(count);
            try
            {
                await RetryAsync(
                    "count",
                    async token => known is null ? await State.CreateAsync(key, bytes, cancellationToken: token) : await State.UpdateAsync(key, bytes, revision, cancellationToken: token),
                    cancellationToken);
                return count;
            }
            catch (NatsKVException exception) when (IsConflict(exception))
            {
                if (Environment.TickCount64 >= end)
                {
                    throw new FleetException("The queue does not count: somebody else is always quicker.", exception);
                }

                await Task.Delay(TimeSpan.FromMilliseconds(20), cancellationToken);
            }
        }
    }

    /// <summary>Stores a value.</summary>
    public Task WriteAsync(string key, byte[] bytes, CancellationToken cancellationToken) => RetryAsync("store a value", async token => await State.PutAsync(key, bytes, cancellationToken: token), cancellationToken);

    /// <summary>Forgets a value. Where that fails it is forgotten later, by its age.</summary>
    public Task ForgetAsync(string key) => TryAsync(async cancellationToken => await State.PurgeAsync(key, cancellationToken: cancellationToken));

    /// <summary>Stores a file in place of one of the same name.</summary>
    /// <exception cref="FleetException">The queue was out of reach for too long, or refused it.</exception>
    public Task WriteFileAsync(string name, byte[] bytes, CancellationToken cancellationToken) => RetryFileAsync(
        "store a file",
        async (attempt, token) =>
        {
            await using WatchedStream stream = new(bytes, attempt, Attempt(_options));
            return await Files.PutAsync(name, stream, leaveOpen: true, token);
        },
        cancellationToken);

    /// <summary>Reads a file; null where there is none.</summary>
    /// <exception cref="FleetException">The queue was out of reach for too long, or refused it.</exception>
    public async Task<byte[]?> ReadFileAsync(string name, CancellationToken cancellationToken)
    {
        try
        {
            return await RetryFileAsync(
                "give a file",
                async (attempt, token) =>
                {
                    await using WatchedStream stream = new(attempt, Attempt(_options));
                    await Files.GetAsync(name, stream, leaveOpen: true, token);
                    return stream.ToArray();
                },
                cancellationToken);
        }
        catch (NatsObjNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Reads a file that was stored; null where there is none, even after a while.</summary>
    /// <exception cref="FleetException">The queue was out of reach for too long, or refused it.</exception>
    public async Task<byte[]?> ReadStoredFileAsync(string name, CancellationToken cancellationToken)
    {
        for (long end = Environment.TickCount64 + (long)s_behind.TotalMilliseconds; ; await Task.Delay(TimeSpan.FromMilliseconds(200), cancellationToken))
        {
            byte[]? bytes = await ReadFileAsync(name, cancellationToken);
            if (bytes is not null || Environment.TickCount64 >= end)
            {
                return bytes;
            }
        }
    }

    /// <summary>Deletes a file. Where that fails it is deleted later, by its age.</summary>
    public Task DeleteFileAsync(string name) => TryAsync(async cancellationToken => await Files.DeleteAsync(name, cancellationToken));

    /// <summary>Whether a request of so many bytes goes into a message; else it goes into a file.</summary>
    public static bool FitsMessage(int bytes) => bytes <= MostMessageBytes;

    /// <summary>An object as the bytes of a message.</summary>
    public static byte[] Bytes<T>(T value, JsonTypeInfo<T> type) => JsonSerializer.SerializeToUtf8Bytes(value, type);

    /// <summary>The object of a message; null where it is none.</summary>
    public static T? Parse<T>(byte[]? bytes, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return bytes is null ? null : JsonSerializer.Deserialize(bytes, type);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Does something on the queue, again and again while it is out of reach.</summary>
    /// <param name="what">What it is asked for, as in "store a value".</param>
    /// <param name="action">Does it; what it is given ends an attempt that takes too long.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="FleetException">The queue was out of reach for too long, or refused it.</exception>
    public Task<T> RetryAsync<T>(string what, Func<CancellationToken, Task<T>> action, CancellationToken cancellationToken) => RetryAsync(what, action, _options, _logger, cancellationToken);

    /// <summary>Listens until it is stopped, again and again, whatever happens to the connection.</summary>
    public async Task ListenForEverAsync(Func<CancellationToken, Task> listen, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await listen(stop);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception exception) when (exception is NatsException or IOException or OperationCanceledException)
            {
                LogTrouble(_logger, exception);
                await Task.WhenAny(Task.Delay(TimeSpan.FromSeconds(1), stop));
            }
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    // As long as bytes go through, an attempt may take its time.
    private Task<T> RetryFileAsync<T>(string what, Func<CancellationTokenSource, CancellationToken, Task<T>> action, CancellationToken cancellationToken) => RetryAsync(
        what,
        async _ =>
        {
            using CancellationTokenSource attempt = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            attempt.CancelAfter(Attempt(_options));
            return await action(attempt, attempt.Token);
        },
        cancellationToken);

    private static async Task<T> RetryAsync<T>(string what, Func<CancellationToken, Task<T>> action, FleetOptions options, ILogger logger, CancellationToken cancellationToken)
    {
        long end = Environment.TickCount64 + (long)options.Patience.TotalMilliseconds;
        TimeSpan delay = TimeSpan.FromMilliseconds(50);
        while (true)
        {
            using CancellationTokenSource attempt = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            attempt.CancelAfter(Attempt(options));
            try
            {
                return await action(attempt.Token);
            }
            catch (Exception exception) when (IsRefusal(exception))
            {
                throw new FleetException($"The queue refused to {what}: {Reason(exception)}", exception) { IsRefusal = true };
            }
            catch (Exception exception) when (IsPassing(exception) && !cancellationToken.IsCancellationRequested)
            {
                if (Environment.TickCount64 >= end)
                {
                    throw new FleetException($"The queue was out of reach for {options.Patience.TotalSeconds:0} seconds when it was asked to {what}: {Reason(exception)}", exception);
                }

                LogRetry(logger, what, exception.Message);
                await Task.Delay(delay, cancellationToken);
                delay = delay * 2 < TimeSpan.FromSeconds(2) ? delay * 2 : TimeSpan.FromSeconds(2);
            }
        }
    }

    private static TimeSpan Attempt(FleetOptions options) => options.Patience < s_longestAttempt ? options.Patience : s_longestAttempt;

    // These are answers of a queue that is there.
    private static bool IsAnswer(Exception exception) => exception is NatsKVKeyNotFoundException or NatsKVKeyDeletedException or NatsObjNotFoundException || IsConflict(exception);

    // Somebody else was quicker, or this very program was, and did not hear of it.
    private static bool IsConflict(Exception exception) => exception is NatsKVCreateException or NatsKVWrongLastRevisionException or NatsKVKeyNotFoundException;

    // What it refuses it will refuse again. While a cluster chooses who leads it answers with 500 and more, and where there is too much to do with 408 and 429.
    private static bool IsRefusal(Exception exception) => exception is NatsPayloadTooLargeException or NatsJSApiException { Error: { Code: < 500 and not 408 and not 429, ErrCode: not InFlight } };

    private static bool IsPassing(Exception exception) =>
        exception is NatsException or IOException or TimeoutException or OperationCanceledException && !IsAnswer(exception);

    private async Task TryAsync(Func<CancellationToken, Task> action)
    {
        using CancellationTokenSource stop = new(TimeSpan.FromSeconds(10));
        try
        {
            await action(stop.Token);
        }
        catch (Exception exception) when (exception is NatsException or IOException or OperationCanceledException or ObjectDisposedException)
        {
            LogRetry(_logger, "forget something", exception.Message);
        }
    }

    private async Task<(byte[]? Value, ulong Revision)> ReadAsync(string key, CancellationToken cancellationToken) => await RetryAsync<(byte[]?, ulong)>(
        "give a value",
        async token =>
        {
            try
            {
                NatsKVEntry<byte[]> entry = await State.GetEntryAsync<byte[]>(key, cancellationToken: token);
                return (entry.Value, entry.Revision);
            }
            catch (Exception exception) when (exception is NatsKVKeyNotFoundException or NatsKVKeyDeletedException)
            {
                return (null, 0);
            }
        },
        cancellationToken);

    private static async Task<(INatsKVStore State, INatsObjStore Files)> MakeAsync(NatsJSContext stream, FleetOptions options, CancellationToken cancellationToken)
    {
        await EnsureAsync(new StreamConfig(FleetNames.JobStream, ["onnxstream.jobs.*"]) { Retention = StreamConfigRetention.Workqueue, MaxAge = s_kept });
        await EnsureAsync(new StreamConfig(FleetNames.EventStream, ["onnxstream.events.*.*"]) { MaxAge = TimeSpan.FromHours(1) });
        await EnsureAsync(new StreamConfig(FleetNames.DeadStream, ["onnxstream.dead.*"]) { MaxAge = TimeSpan.FromDays(30), MaxMsgs = 10_000 });
        NatsKVContext values = new(stream);
        INatsKVStore state;
        try
        {
            state = await values.GetStoreAsync(FleetNames.StateBucket, cancellationToken);
        }
        catch (NatsJSApiException exception) when (exception.Error.Code == 404)
        {
            state = await values.CreateStoreAsync(new NatsKVConfig(FleetNames.StateBucket) { MaxAge = s_kept, NumberOfReplicas = options.Replicas, History = 1 }, cancellationToken);
        }

        NatsObjContext objects = new(stream);
        INatsObjStore files;
        try
        {
            files = await objects.GetObjectStoreAsync(FleetNames.FileBucket, cancellationToken);
        }
        catch (NatsJSApiException exception) when (exception.Error.Code == 404)
        {
            files = await objects.CreateObjectStoreAsync(new NatsObjConfig(FleetNames.FileBucket) { MaxAge = s_kept, NumberOfReplicas = options.Replicas }, cancellationToken);
        }

        return (state, files);

        async Task EnsureAsync(StreamConfig config)
        {
            try
            {
                await stream.GetStreamAsync(config.Name!, cancellationToken: cancellationToken);
            }
            catch (NatsJSApiException exception) when (exception.Error.Code == 404)
            {
                config.NumReplicas = options.Replicas;
                config.Storage = StreamConfigStorage.File;
                await stream.CreateStreamAsync(config, cancellationToken);
            }
        }
    }

    private static void Check(FleetOptions options)
    {
        foreach (string url in options.Url.Split(','))
        {
            if (!Uri.TryCreate(url.Trim(), UriKind.Absolute, out Uri? uri) || uri.Scheme is not ("nats" or "tls" or "ws" or "wss") || uri.Host.Length == 0)
            {
                // It may hold a password.
                throw new ArgumentException("The address of the queue should be that of a NATS server, as in nats://10.0.0.1:4222; several have commas between them.", nameof(options));
            }
        }

        foreach (string? file in (string?[])[options.CredentialsFile, options.AuthorityFile, options.CertificateFile, options.KeyFile])
        {
            if (file is not null && !File.Exists(file))
            {
                throw new FileNotFoundException($"The file {file} does not exist.", file);
            }
        }

        if ((options.CertificateFile is null) != (options.KeyFile is null))
        {
            throw new ArgumentException("A certificate needs its key, and a key its certificate: both files are needed, or none.", nameof(options));
        }

        if (options.Replicas is < 1 or > 5 || options.MostAttempts < 1 || options.Lease < TimeSpan.FromSeconds(1))
        {
            throw new ArgumentException("There may be from 1 to 5 copies, attempts from 1 on, and a lease of a second or more.", nameof(options));
        }
    }

    // Without user and password.
    private static string Where(FleetOptions options) => string.Join(",", options.Url.Split(',').Select(url => new Uri(url.Trim()).GetComponents(UriComponents.Scheme | UriComponents.HostAndPort, UriFormat.UriEscaped)));

    private static string Reason(Exception exception)
    {
        while (exception.InnerException is { } inner)
        {
            exception = inner;
        }

        return exception.Message.EndsWith('.') ? exception.Message : $"{exception.Message}.";
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "The queue is out of reach, and is asked again to {What}: {Reason}")]
    private static partial void LogRetry(ILogger logger, string what, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The queue could not be listened to. It is tried again.")]
    private static partial void LogTrouble(ILogger logger, Exception exception);
}
