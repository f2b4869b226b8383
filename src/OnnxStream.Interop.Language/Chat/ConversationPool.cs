namespace OnnxStream.Interop.Language.Chat;

/// <summary>The conversations of a chat client: a request takes the one that its text goes on with, or waits for one.</summary>
internal sealed class ConversationPool(LanguageModel model, int count) : IDisposable
{
    private readonly SemaphoreSlim _free = new(count, count);
    private readonly List<Conversation> _idle = [];
    private readonly Lock _lock = new();
    private int _made;

    /// <summary>Takes a conversation, which must be given back.</summary>
    public async Task<Conversation> TakeAsync(IReadOnlyList<int> prompt, CancellationToken cancellationToken)
    {
        await _free.WaitAsync(cancellationToken);
        try
        {
            lock (_lock)
            {
                Conversation? best = _idle.MaxBy(conversation => CommonLength(conversation.Tokens, prompt));

                // A new one costs memory, but leaves what the others have.
                if (best is not null && (_made == count || CommonLength(best.Tokens, prompt) > 0))
                {
                    _idle.Remove(best);
                    return best;
                }

                Conversation made = model.CreateConversation();
                _made++;
                return made;
            }
        }
        catch
        {
            _free.Release();
            throw;
        }
    }

    /// <summary>Gives a conversation back.</summary>
    public void Return(Conversation conversation)
    {
        lock (_lock)
        {
            _idle.Add(conversation);
        }

        _free.Release();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            _idle.ForEach(conversation => conversation.Dispose());
            _idle.Clear();
        }

        _free.Dispose();
    }

    private static int CommonLength(IReadOnlyList<int> left, IReadOnlyList<int> right)
    {
        int common = 0;
        while (common < left.Count && common < right.Count && left[common] == right[common])
        {
            common++;
        }

        return common;
    }
}
