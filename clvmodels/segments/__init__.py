"""Who the customers are: predictive segments, how sure and how stable they are."""
