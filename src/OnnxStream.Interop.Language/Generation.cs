using System.Collections;
using System.Diagnostics;
using OnnxStream.Interop.Language.Decoding;
using OnnxStream.Interop.Language.Grammars;
using OnnxStream.Interop.Language.Sampling;
using OnnxStream.Interop.Language.Tokenizers;

namespace OnnxStream.Interop.Language;

/// <summary>An answer that is made while it is read, token by token, and what it took so far. It can be read once.</summary>
public sealed class Generation : IEnumerable<GeneratedToken>
{
    private readonly Conversation _conversation;
    private readonly Decoder _decoder;
    private readonly Tokenizer? _tokenizer;
    private readonly int[] _prompt;
    private readonly GenerationOptions _options;
    private readonly IProgress<int>? _progress;
    private readonly CancellationToken _cancellationToken;
    private bool _isStarted;

    internal Generation(
        Conversation conversation, Decoder decoder, Tokenizer? tokenizer, int[] prompt, GenerationOptions options, IProgress<int>? progress, CancellationToken cancellationToken)
    {
        _conversation = conversation;
        _decoder = decoder;
        _tokenizer = tokenizer;
        _prompt = prompt;
        _options = options;
        _progress = progress;
        _cancellationToken = cancellationToken;
    }

    /// <summary>Why the answer ended.</summary>
    public FinishReason FinishReason { get; private set; }

    /// <summary>How many tokens the prompt has.</summary>
    public int PromptTokenCount => _prompt.Length;

    /// <summary>How many of them the conversation began with before, so that they were not computed again.</summary>
    public int ReusedTokenCount { get; private set; }

    /// <summary>How many tokens the answer has so far; one that ends it included.</summary>
    public int TokenCount { get; private set; }

    /// <summary>The time from the start to the first token.</summary>
    public TimeSpan PromptDuration { get; private set; }

    /// <summary>The time of the tokens behind the first one.</summary>
    public TimeSpan TokensDuration { get; private set; }

    /// <summary>How many times the decoder ran for the tokens behind the first one: fewer than these where guesses were right.</summary>
    public int RunCount { get; private set; }

    /// <summary>How many plans the last token needed: 0 where the decoder was planned for one token before, as it is for the second one of the first answer.</summary>
    public int LastPlansMade { get; private set; }

    /// <summary>The most native memory that the session held so far, the caches of all conversations included.</summary>
    public long PeakNativeBytes { get; private set; }

    /// <summary>The answer's whole text. It is read to its end for that.</summary>
    public string ReadToEnd() => string.Concat(this.Select(token => token.Text));

    /// <summary>Starts to make the answer.</summary>
    /// <exception cref="InvalidOperationException">It has been started before.</exception>
    public IEnumerator<GeneratedToken> GetEnumerator()
    {
        if (_isStarted)
        {
            throw new InvalidOperationException("An answer can be read once: what has been read is not kept.");
        }

        _isStarted = true;
        return Generate().GetEnumerator();
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private IEnumerable<GeneratedToken> Generate()
    {
        int vocabulary = _decoder.Description.VocabularySize;
        float[] logits = new float[(_options.LookupTokens + 1) * vocabulary];
        TokenConstraint? constraint = _options.Grammar is { } grammar
            ? new TokenConstraint(grammar, _tokenizer!.Trie, vocabulary, _options.IgnoreEndTokens ? [] : _conversation.Model.EndTokens)
            : null;
        Sampler sampler = new(_options, _prompt, constraint);
        StopStrings stops = new(_options.StopStrings);
        TokenDecoder? text = _tokenizer?.CreateDecoder();
        List<int> tokens = [.. _prompt];
        int most = Math.Min(_options.MostTokens ?? int.MaxValue, _decoder.ContextLength - _prompt.Length);
        long started = Stopwatch.GetTimestamp();
        using (_conversation.Enter())
        {
            TokenCache cache = _conversation.Cache;
            ReusedTokenCount = cache.KeepCommon(_prompt);
            if (ReusedTokenCount == _prompt.Length)
            {
                // The scores behind the last token are not kept.
                cache.Truncate(--ReusedTokenCount);
            }

            cache.Append(_prompt.AsSpan(ReusedTokenCount), logits.AsSpan(0, vocabulary), _progress, _cancellationToken);
            PromptDuration = Stopwatch.GetElapsedTime(started);
            int rows = 1;
            int[] guesses = [];
            while (true)
            {
                Note(cache);

                // Each row of scores is behind a token that is known to be right; a guess is right if it is what is chosen.
                for (int row = 0; row < rows; row++)
                {
                    int token = Choose(sampler, logits.AsSpan(row * vocabulary, vocabulary), out GeneratedToken generated);
                    tokens.Add(token);
                    sampler.Accept(token);
                    TokenCount++;
                    bool isEnd = !_options.IgnoreEndTokens && _conversation.Model.IsEndToken(token);
                    string piece = isEnd ? "" : stops.Add(text?.Add(token) ?? "");
                    FinishReason = isEnd ? FinishReason.EndToken : stops.IsFound ? FinishReason.StopString :
                        constraint is { IsFinished: true } ? FinishReason.Grammar : TokenCount >= most ? FinishReason.Length : FinishReason.None;
                    if (FinishReason != FinishReason.None)
                    {
                        // What was held back is part of the answer after all.
                        piece += FinishReason == FinishReason.StopString ? "" : stops.Add(text?.Flush() ?? "") + stops.Flush();
                        FinishReason = stops.IsFound && FinishReason is FinishReason.Length or FinishReason.Grammar ? FinishReason.StopString : FinishReason;
                    }

                    bool isRight = row < guesses.Length && guesses[row] == token;
                    if (!isRight)
                    {
                        cache.Truncate(tokens.Count - 1);
                    }

                    yield return generated with { Text = piece };
                    if (FinishReason != FinishReason.None)
                    {
                        cache.Truncate(tokens.Count);
                        yield break;
                    }

                    if (!isRight)
                    {
                        break;
                    }
                }

                started = Stopwatch.GetTimestamp();
                guesses = Guess(tokens, most - TokenCount);
                rows = guesses.Length + 1;
                cache.Append([tokens[^1], .. guesses], logits.AsSpan(0, rows * vocabulary), progress: null, _cancellationToken);
                TokensDuration += Stopwatch.GetElapsedTime(started);
                RunCount++;
            }
        }
    }

    private int Choose(Sampler sampler, ReadOnlySpan<float> logits, out GeneratedToken generated)
    {
        int token = sampler.Choose(logits);
        generated = new GeneratedToken(token, "");
        if (_options.TopLogProbabilities is { } count)
        {
            double sum = LogProbabilities.LogSum(logits);
            generated = generated with { LogProbability = (float)(logits[token] - sum), Alternatives = LogProbabilities.Top(logits, count, sum) };
        }

        return token;
    }

    // The last of the guesses must leave room for the token behind it.
    private int[] Guess(List<int> tokens, int left)
    {
        int count = Math.Min(_options.LookupTokens, left - 1);
        return count > 0 ? [.. PromptLookup.Guess(tokens, count)] : [];
    }

    private void Note(TokenCache cache)
    {
        LastPlansMade = cache.LastPlansMade;
        PeakNativeBytes = Math.Max(PeakNativeBytes, cache.PeakNativeBytes);
    }
}
