using System.Collections.Generic;
using Net = Example.Weather.Net;

namespace Example.Weather
{
    /// <summary>Sends readings.</summary>
    [Serializable]
    public class Client<T> : Base<T>, ISender where T : Reading
    {
        public const int MaxBatch = 100;
        private readonly Connection _connection;

        public string Station { get; set; }

        public Client(Connection connection)
        {
            _connection = connection;
        }

        /// <summary>Queues a reading.</summary>
        [Obsolete("use AddAll")]
        public async Task<int> Add(T reading, int retries = 3)
        {
            var response = await _connection.Post(reading.Encode(), retries);
            Audit.Record(response);
            return response.Code;
        }

        public int Twice(int value) => value * 2;
    }

    public interface ISender
    {
        Task Send(Reading reading);
    }

    public enum Mode { Fast, Safe }

    public record Reading(double Value, string Station);

    public struct Point { public int X; }
}
